import type { Ready, Setup } from '@comm/bench/area'
import { Redis } from 'ioredis'
import { type Order, sealWithType } from '../order.ts'
import { GROUP, roleOf } from '../role.ts'
import { runConsumer } from '../run-consumer.ts'

type Reply = readonly (readonly [stream: string, entries: readonly (readonly [id: string, fields: readonly string[]])[]])[] | null

export const setup: Setup = (input) => {
  const { does, topic } = roleOf(input)
  const client = new Redis(String(input.environment.redis))
  return does === 'publish' ? publisher(client, topic) : consumer(client, topic, input.inFlight)
}

function publisher(client: Redis, topic: string): Ready {
  return {
    op: () => {
      const { headers, body } = sealWithType(topic)
      return client.xadd(topic, '*', 'body', body, 'headers', JSON.stringify(headers))
    },
    close: async () => client.disconnect(),
  }
}

function consumer(client: Redis, topic: string, prefetch: number): Ready {
  return {
    run: runConsumer(async (handle) => {
      const reader = client.duplicate()
      let isReading = true
      const read = async (): Promise<void> => {
        while (isReading) {
          const args = ['COUNT', prefetch, 'BLOCK', 100, 'STREAMS', topic, '>'] as const
          const [[, entries] = ['', []]] = ((await reader.xreadgroup('GROUP', GROUP, 'bench', ...args)) as Reply) ?? []
          for (const [, [, body = '', , headers = '']] of entries) {
            JSON.parse(headers)
            handle(JSON.parse(body) as Order)
          }
          if (entries.length > 0) await client.xack(topic, GROUP, ...entries.map(([id]) => id))
        }
      }
      const ended = read()
      return async () => {
        isReading = false
        await ended
        reader.disconnect()
      }
    }),
    close: async () => client.disconnect(),
  }
}
