import type { Ready, SetupInput } from '@comm/bench/area'
import type { MessageClient } from '@comm/messaging'
import { ORDER, type Order } from '../order.ts'
import { GROUP, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

/** Our client, whatever its broker: everything that is on by default is on. */
export async function commClient(client: MessageClient, input: SetupInput): Promise<Ready> {
  const { does, topic } = roleOf(input)
  await client.start()
  const close = (): Promise<void> => client.close()
  if (does === 'publish') return { op: () => client.publish(topic, ORDER), close }
  return {
    run: runConsumer(async (handle) => {
      // Half of what is fetched ahead is handled at once, half waits.
      const options = { group: GROUP, concurrency: input.inFlight / 2 }
      const subscription = await client.subscribe<Order>(topic, handle, options)
      return () => subscription.stop()
    }),
    close,
  }
}
