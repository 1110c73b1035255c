import type { Ready, Setup } from '@comm/bench/area'
import { type Order, sealWithType } from '../order.ts'
import { openRedis, type Redis } from '../redis-client.ts'
import { GROUP, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

interface Entry {
  readonly id: string
  readonly message: { readonly body: string; readonly headers: string }
}
type Streams = readonly { readonly messages: readonly Entry[] }[] | null

export const setup: Setup = async (input) => {
  const { does, topic } = roleOf(input)
  const client = await openRedis(input.environment.redis)
  return does === 'publish' ? publisher(client, topic) : consumer(client, topic, input.inFlight)
}

function publisher(client: Redis, topic: string): Ready {
  return {
    op: () => {
      const { headers, body } = sealWithType(topic)
      return client.xAdd(topic, '*', { body, headers: JSON.stringify(headers) })
    },
    close: () => client.close(),
  }
}

function consumer(client: Redis, topic: string, prefetch: number): Ready {
  return {
    run: runConsumer(async (handle) => {
      const reader = await client.duplicate().connect()
      const reading = new AbortController()
      const read = async (): Promise<void> => {
        while (!reading.signal.aborted) {
          const options = { COUNT: prefetch, BLOCK: 100 }
          const streams = (await reader.xReadGroup(GROUP, 'bench', { key: topic, id: '>' }, options)) as Streams
          const entries = streams?.[0]?.messages ?? []
          for (const { message } of entries) {
            JSON.parse(message.headers)
            handle(JSON.parse(message.body) as Order)
          }
          const ids = entries.map(({ id }) => id)
          if (ids.length > 0) await client.xAck(topic, GROUP, ids)
        }
      }
      const ended = read()
      return async () => {
        reading.abort()
        await ended
        await reader.close()
      }
    }),
    close: () => client.close(),
  }
}
