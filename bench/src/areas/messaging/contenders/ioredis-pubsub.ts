import type { Setup } from '@comm/bench/area'
import { Redis } from 'ioredis'
import { Echo } from '../echo.ts'
import { ORDER, type Order } from '../order.ts'
import { channelOf } from '../role.ts'

export const setup: Setup = async (input) => {
  const topic = channelOf(input)
  const client = new Redis(String(input.environment.redis))
  const subscriber = client.duplicate()
  const echo = new Echo()
  await subscriber.subscribe(topic)
  subscriber.on('message', (_channel, message) => echo.arrived(JSON.parse(message) as Order))
  return {
    op: () => echo.send(() => client.publish(topic, JSON.stringify(ORDER))),
    close: async () => {
      subscriber.disconnect()
      client.disconnect()
    },
  }
}
