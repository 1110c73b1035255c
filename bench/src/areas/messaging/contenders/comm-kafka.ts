import type { Setup } from '@comm/bench/area'
import { KafkaClient } from '@comm/messaging-kafka'
import { SOURCE } from '../order.ts'
import { commClient } from './comm-client.ts'

export const setup: Setup = (input) =>
  commClient(new KafkaClient({ hosts: [String(input.environment.kafka)], source: SOURCE }), input, { from: 'earliest' })
