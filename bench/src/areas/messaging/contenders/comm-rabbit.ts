import type { Setup } from '@comm/bench/area'
import { RabbitMQClient } from '@comm/messaging-rabbit'
import { SOURCE } from '../order.ts'
import { commClient } from './comm-client.ts'

export const setup: Setup = (input) =>
  commClient(new RabbitMQClient({ url: String(input.environment.rabbitmq), source: SOURCE }), input)
