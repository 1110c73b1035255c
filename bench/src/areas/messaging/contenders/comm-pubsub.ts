import type { Setup } from '@comm/bench/area'
import { RedisPubSubClient } from '@comm/messaging-redis'
import { Echo } from '../echo.ts'
import { ORDER, type Order, SOURCE } from '../order.ts'
import { channelOf } from '../role.ts'

export const setup: Setup = async (input) => {
  const topic = channelOf(input)
  const { hostname, port } = new URL(String(input.environment.redis))
  const client = new RedisPubSubClient({ host: hostname, port: Number(port), source: SOURCE })
  const echo = new Echo()
  await client.subscribe<Order>(topic, echo.arrived, { concurrency: input.inFlight })
  return { op: () => echo.send(() => client.publish(topic, ORDER)), close: () => client.close() }
}
