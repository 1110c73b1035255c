import type { Setup } from '@comm/bench/area'
import { Echo } from '../echo.ts'
import { ORDER, type Order } from '../order.ts'
import { openRedis } from '../redis-client.ts'
import { channelOf } from '../role.ts'

/** The order alone, without an envelope. */
export const setup: Setup = async (input) => {
  const topic = channelOf(input)
  const client = await openRedis(input.environment.redis)
  const subscriber = await openRedis(input.environment.redis)
  const echo = new Echo()
  await subscriber.subscribe(topic, (message) => echo.arrived(JSON.parse(message) as Order))
  return {
    op: () => echo.send(() => client.publish(topic, JSON.stringify(ORDER))),
    close: async () => {
      await subscriber.close()
      await client.close()
    },
  }
}
