import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Logger, silentLogger } from '@comm/core'
import { HttpClient } from '@comm/http'
import { RedisCacheStore, RedisRateLimitStore } from '@comm/redis-stores'
import { waitFor } from '@comm/testkit'
import { startRedis } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Question, Reply, Temper } from './scripts/worker.ts'

const server = await startRedis({ sources: ['local', 'debian12'] })
const { host, port } = server

/** Counts what it is asked; each answer takes a while and is fresh for a minute. */
const asked: string[] = []
const origin = createServer((request, response) => {
  asked.push(request.url ?? '')
  const nth = asked.length
  setTimeout(
    () => response.setHeader('cache-control', request.url === '/private' ? 'private' : 'max-age=60').end(`answer ${nth}`),
    100,
  )
})
const workers: ChildProcess[] = []
let exact: readonly ChildProcess[] = []
let baseUrl = ''

async function ask(worker: ChildProcess, question: Question): Promise<Reply> {
  const answered = once(worker, 'message')
  worker.send(question)
  const [reply] = (await answered) as [Reply]
  return reply
}

/** Two processes that have reached the server. */
async function twoWorkers(temper: Temper): Promise<ChildProcess[]> {
  const script = join(import.meta.dirname, 'scripts/worker.ts')
  const pair = [1, 2].map(() => fork(script, [String(port), temper], { execArgv: ['--conditions=@comm/source'] }))
  workers.push(...pair)
  await askAll(pair, { do: 'connect' })
  return pair
}

function askAll(pair: readonly ChildProcess[], question: Question): Promise<Reply[]> {
  return Promise.all(pair.map((worker) => ask(worker, question)))
}

function allowedBy(replies: readonly Reply[]): number[] {
  return replies.map(({ allowed }) => allowed)
}

beforeAll(async () => {
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  exact = await twoWorkers('exact')
}, 120_000)

afterAll(async () => {
  for (const worker of workers) {
    const exited = once(worker, 'exit')
    worker.disconnect()
    await exited
  }
  origin.close()
  await server.close()
})

describe('two processes', () => {
  it('share a limit exactly', async () => {
    const take: Question = { do: 'take', key: 'shared', times: 200, bucket: { capacity: 50, perSecond: 0.001 } }
    const replies = await askAll(exact, take)
    expect(replies.reduce((sum, { allowed }) => sum + allowed, 0)).toBe(50)
  })

  it('share what flows into a limit', async () => {
    const bucket = { capacity: 1, perSecond: 200 }
    const take: Question = { do: 'take', key: 'flowing', times: 20, bucket }
    const from = performance.now()
    let allowed = 0
    while (performance.now() - from < 500) {
      const replies = await askAll(exact, take)
      allowed += replies.reduce((sum, reply) => sum + reply.allowed, 0)
    }
    const most = 1 + ((performance.now() - from) / 1000) * bucket.perSecond
    expect(allowed).toBeLessThanOrEqual(most)
    expect(allowed).toBeGreaterThan(1)
  })

  it('make one request of concurrent misses', async () => {
    const replies = await askAll(exact, { do: 'get', url: `${baseUrl}/cold`, times: 20 })
    expect(asked.filter((url) => url === '/cold').length).toBe(1)
    expect(new Set(replies.flatMap(({ texts }) => texts)).size).toBe(1)
  })

  it('do not wait for each other where the answer is not to be shared, once they know', async () => {
    const get: Question = { do: 'get', url: `${baseUrl}/private`, times: 3 }
    for (let round = 0; round < 2; round += 1) await askAll(exact, get)
    expect(asked.filter((url) => url === '/private').length).toBe(12)
  })
})

describe('while the server does not answer', () => {
  it('requests go on, uncached and limited by each process itself, which is said once', async () => {
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, warn: (line) => lines.push(line), info: (line) => lines.push(line) }
    await using store = new RedisCacheStore({ connection: { host, port, heartbeatMs: 500 }, timeoutMs: 100, pauseMs: 200 })
    await using limits = new RedisRateLimitStore({
      connection: { host, port, heartbeatMs: 500 },
      timeoutMs: 100,
      pauseMs: 200,
      logger,
    })
    await using client = new HttpClient({ cache: { store, logger }, baseUrl })
    const bucket = { capacity: 3, perSecond: 0.001 }
    const text = async (): Promise<string> => (await client.get('/outage')).text()
    const isWarm = async (): Promise<boolean> => {
      const [one, other] = [await text(), await text()]
      return one === other && client.health().status === 'up'
    }
    await waitFor(isWarm, { what: 'the cache' })
    lines.length = 0
    const first = await text()
    expect([await text(), client.health().status]).toEqual([first, 'up'])
    await limits.take('outage', 3, bucket)

    await server.stop()
    try {
      for (let call = 0; call < 5; call += 1) expect(await text()).not.toBe(first)
      const taken = [1, 2, 3, 4].map(() => limits.take('outage', 1, bucket))
      expect((await Promise.all(taken)).map(({ allowed }) => allowed)).toEqual([true, true, true, false])
      expect(client.health()).toMatchObject({ status: 'degraded', reason: expect.stringContaining('requests go on uncached') })
      expect(await limits.health()).toMatchObject({ status: 'degraded' })
      expect(await store.health()).toMatchObject({ status: 'degraded' })
      expect(lines).toEqual([
        'the store of the HTTP cache cannot be used: requests go on uncached',
        'the shared rate limit cannot be used: each process limits by itself',
      ])
    } finally {
      await server.continue()
    }

    await waitFor(isWarm, { what: 'the cache' })
    await waitFor(async () => !(await limits.take('outage', 1, bucket)).allowed && lines.length === 4, {
      what: 'the limit',
    })
    expect(lines.slice(2).sort()).toEqual([
      'the shared rate limit can be used again',
      'the store of the HTTP cache can be used again',
    ])
  })

  it('two processes go on alone and say so, and share again afterwards', async () => {
    const pair = await twoWorkers('hasty')
    const get: Question = { do: 'get', url: `${baseUrl}/shared`, times: 1 }
    const take = (key: string): Question => ({ do: 'take', key, times: 5, bucket: { capacity: 3, perSecond: 0.001 } })
    const isShared = async (): Promise<boolean> => {
      const replies = await askAll(pair, get)
      const texts = new Set(replies.flatMap((reply) => reply.texts))
      return texts.size === 1 && replies.every(({ health }) => health.every(({ status }) => status === 'up'))
    }
    let round = 0
    await waitFor(isShared, { what: 'the cache that both share' })
    const isExact = async (): Promise<boolean> => {
      const replies = await askAll(pair, take(`round ${round++}`))
      return (
        allowedBy(replies).reduce((sum, each) => sum + each) === 3 && replies.every(({ health }) => health[1].status === 'up')
      )
    }
    await waitFor(isExact, { what: 'the limit that both share' })
    const before = asked.length

    await server.stop()
    try {
      const away = await askAll(pair, get)
      expect(away.flatMap(({ texts }) => texts)).toHaveLength(2)
      expect(asked.length).toBe(before + 2)
      expect(allowedBy(await askAll(pair, take('during')))).toEqual([3, 3])
      for (const { health } of await askAll(pair, take('during'))) {
        expect(health).toMatchObject([
          { status: 'degraded', reason: expect.stringContaining('requests go on uncached') },
          { status: 'degraded' },
        ])
      }
    } finally {
      await server.continue()
    }

    await waitFor(isShared, { what: 'the cache that both share again' })
    await waitFor(isExact, { what: 'the limit that both share again' })
  }, 120_000)

  it('a take rejects where it is told to', async () => {
    await using limits = new RedisRateLimitStore({ connection: { host: '127.0.0.1', port: 1 }, whenAway: 'reject' })
    await expect(limits.take('key', 1, { capacity: 1, perSecond: 1 })).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
  })
})
