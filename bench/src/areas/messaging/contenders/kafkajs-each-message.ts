import type { Setup } from '@comm/bench/area'
import { openKafka } from '../kafka-client.ts'
import { roleOf } from '../role.ts'
import { consumer } from './kafkajs.ts'

export const setup: Setup = (input) =>
  consumer(openKafka(input.environment.kafka), roleOf(input), (handle) => ({
    eachMessage: async ({ message }) => handle(message),
  }))
