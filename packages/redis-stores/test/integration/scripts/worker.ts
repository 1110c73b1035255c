// One of several processes that share a cache and a rate limit. Answers what its parent asks, over IPC.
import { argv } from 'node:process'
import type { Health, TokenBucket } from '@comm/core'
import { HttpClient } from '@comm/http'
import { RedisCacheStore, RedisRateLimitStore } from '@comm/redis-stores'
import { waitFor } from '@comm/testkit'

export type Question =
  | { readonly do: 'get'; readonly url: string; readonly times: number }
  | { readonly do: 'take'; readonly key: string; readonly times: number; readonly bucket: TokenBucket }
  | { readonly do: 'connect' }

/** `health`: of the cache, then of the limit. */
export type Reply = { readonly texts: readonly string[]; readonly allowed: number; readonly health: readonly [Health, Health] }

/** `exact`: what cannot be shared fails. `hasty`: it goes on alone, as by default, and soon. */
export type Temper = 'exact' | 'hasty'

const [, , port, temper] = argv
const connection = { host: '127.0.0.1', port: Number(port), heartbeatMs: 500 }
const hurry = temper === 'hasty' ? { timeoutMs: 1000, pauseMs: 500 } : { timeoutMs: 2000 }
const store = new RedisCacheStore({ connection, ...hurry })
const limits = new RedisRateLimitStore({ connection, ...hurry, whenAway: temper === 'hasty' ? 'local' : 'reject' })
const client = new HttpClient({ cache: { store } })

async function reply(question: Question): Promise<Reply> {
  const done = await answer(question)
  return { ...done, health: [client.health(), await limits.health()] }
}

async function answer(question: Question): Promise<Omit<Reply, 'health'>> {
  const { times } = { times: 0, ...question }
  const each = Array.from({ length: times })
  if (question.do === 'get') {
    const answers = await Promise.all(each.map(() => client.get(question.url)))
    return { texts: answers.map((each) => each.text()), allowed: 0 }
  }
  if (question.do === 'take') {
    const answers = await Promise.all(each.map(() => limits.take(question.key, 1, question.bucket)))
    return { texts: [], allowed: answers.filter(({ allowed }) => allowed).length }
  }
  await waitFor(isConnected, { what: 'the server' })
  return { texts: [], allowed: 0 }
}

async function isConnected(): Promise<boolean> {
  const first = [store.get('warm'), limits.take('warm', 0, { capacity: 1, perSecond: 1 })]
  return (await Promise.allSettled(first)).every(({ status }) => status === 'fulfilled')
}

process.on('message', (question: Question) => {
  reply(question).then(
    (told) => process.send?.(told),
    (error: unknown) => {
      throw error
    },
  )
})
process.on('disconnect', () => process.exit())
