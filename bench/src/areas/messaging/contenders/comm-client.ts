import type { Ready, SetupInput } from '@comm/bench/area'
import type { MessageClient, SubscribeOptions } from '@comm/messaging'
import { ORDER, type Order } from '../order.ts'
import { GROUP, roleOf } from '../role.ts'
import { runBatches } from '../run-batches.ts'
import { runConsumer } from '../run-consumer.ts'

/** Our client, whatever its broker: everything that is on by default is on. */
export async function commClient(client: MessageClient, input: SetupInput, more: SubscribeOptions = {}): Promise<Ready> {
  const { does, topic, isBatch } = roleOf(input)
  await client.start()
  const close = (): Promise<void> => client.close()
  if (isBatch) return { run: runBatches((count) => publishMany(client, topic, count)), close }
  if (does === 'publish') return { op: () => client.publish(topic, ORDER), close }
  return {
    run: runConsumer(async (handle) => {
      // Half of what is fetched ahead is handled at once, half waits.
      const options = { group: GROUP, concurrency: input.inFlight / 2, ...more }
      const subscription = await client.subscribe<Order>(topic, handle, options)
      return () => subscription.stop()
    }),
    close,
  }
}

async function publishMany(client: MessageClient, topic: string, count: number): Promise<void> {
  for (const outcome of await client.publishMany(topic, new Array<Order>(count).fill(ORDER))) if (!outcome.ok) throw outcome.error
}
