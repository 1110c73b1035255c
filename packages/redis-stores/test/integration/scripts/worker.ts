// One of several processes that share a cache and a rate limit. Answers what its parent asks, over IPC.
import { argv } from 'node:process'
import type { Health, TokenBucket } from '@comm/core'
import { HttpClient } from '@comm/http'
import { RedisCacheStore, RedisRateLimitStore } from '@comm/redis-stores'

export type Question =
  | { readonly do: 'get'; readonly url: string; readonly times: number }
  | { readonly do: 'take'; readonly key: string; readonly times: number; readonly bucket: TokenBucket }
  | { readonly do: 'connect' }

export type Reply = { readonly texts: readonly string[]; readonly allowed: number; readonly health: Health }

const [, , port] = argv
const connection = { host: '127.0.0.1', port: Number(port) }
const store = new RedisCacheStore({ connection, timeoutMs: 2000 })
const limits = new RedisRateLimitStore({ connection, timeoutMs: 2000, whenAway: 'reject' })
const client = new HttpClient({ cache: { store } })

async function reply(question: Question): Promise<Reply> {
  const { times } = { times: 0, ...question }
  const each = Array.from({ length: times })
  if (question.do === 'get') {
    const answers = await Promise.all(each.map(() => client.get(question.url)))
    return { texts: answers.map((answer) => answer.text()), allowed: 0, health: client.health() }
  }
  if (question.do === 'take') {
    const answers = await Promise.all(each.map(() => limits.take(question.key, 1, question.bucket)))
    return { texts: [], allowed: answers.filter(({ allowed }) => allowed).length, health: client.health() }
  }
  await Promise.all([store.get('warm'), limits.take('warm', 0, { capacity: 1, perSecond: 1 })])
  return { texts: [], allowed: 0, health: client.health() }
}

process.on('message', (question: Question) => {
  reply(question).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      throw error
    },
  )
})
process.on('disconnect', () => process.exit())
