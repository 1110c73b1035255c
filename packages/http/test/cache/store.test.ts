import { type CacheStore, ConnectionError, type Logger, MemoryCacheStore, silentLogger } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { failureOf, until } from '../support/local-server.ts'
import { always, origin } from './support.ts'

const FRESH = always({ 'cache-control': 'max-age=60' })

/** A store behind a connection: every answer comes later, and none while it is down. */
class RemoteStore implements CacheStore {
  readonly kept = new MemoryCacheStore()
  isDown = false

  async #ask<Value>(step: () => Value): Promise<Value> {
    await Promise.resolve()
    if (this.isDown) throw new ConnectionError('the store is away')
    return step()
  }

  get = (...args: Parameters<MemoryCacheStore['get']>) => this.#ask(() => this.kept.get(...args))
  set = (...args: Parameters<MemoryCacheStore['set']>) => this.#ask(() => this.kept.set(...args))
  delete = (...args: Parameters<MemoryCacheStore['delete']>) => this.#ask(() => this.kept.delete(...args))
  invalidatePrefix = (prefix: string) => this.#ask(() => this.kept.invalidatePrefix(prefix))
  invalidateTag = (tag: string) => this.#ask(() => this.kept.invalidateTag(tag))
}

class ClaimableStore extends RemoteStore {
  readonly claims = new Set<string>()

  claim = async (key: string): Promise<string | undefined> => {
    if (this.claims.has(key)) return undefined
    this.claims.add(key)
    return 'token'
  }
  release = async (key: string): Promise<void> => {
    this.claims.delete(key)
  }
}

describe('a store that is elsewhere', () => {
  it('serves two caches', async () => {
    const store = new RemoteStore()
    const one = origin(FRESH, { store })
    const other = origin(FRESH, { store })
    await one.ask('/')
    expect((await other.ask('/')).text()).toBe('answer 1')
    expect(other.requests.length).toBe(0)
    await other.cache.clear()
    await one.ask('/')
    expect(one.requests.length).toBe(2)
  })

  it('lets one of two caches fetch, and the other wait for it', async () => {
    const store = new ClaimableStore()
    const gate = Promise.withResolvers<void>()
    const [one, other] = [0, 1].map(() =>
      origin(
        async (request, nth) => {
          await gate.promise
          return FRESH(request, nth)
        },
        { store },
      ),
    ) as [ReturnType<typeof origin>, ReturnType<typeof origin>]
    const answers = Promise.all([one.ask('/'), other.ask('/'), other.ask('/')])
    await until(() => one.requests.length === 1)
    await other.clock.advance(100)
    gate.resolve()
    await until(() => store.kept.size > 0)
    await other.clock.advance(100)
    expect((await answers).map((answer) => answer.text())).toEqual(Array(3).fill('answer 1'))
    expect(other.requests.length).toBe(0)
    expect(other.cache.statistics()).toMatchObject({ coalesced: 2, misses: 0 })
    expect(store.claims.size).toBe(0)
  })

  it('does not wait for ever for one that does not come back', async () => {
    const store = new ClaimableStore()
    await store.claim('http://api.test/')
    const { ask, clock } = origin(FRESH, { store })
    const answer = ask('/')
    await clock.advance(2100)
    expect((await answer).text()).toBe('answer 1')
  })

  it('that is away lets requests go on uncached, and says so once', async () => {
    const lines: string[] = []
    const logger: Logger = { ...silentLogger, warn: (line) => lines.push(line), info: (line) => lines.push(line) }
    const store = new RemoteStore()
    const { ask, cache, requests } = origin(FRESH, { store, logger })
    await ask('/')
    expect(cache.health()).toEqual({ status: 'up' })
    store.isDown = true
    await ask('/')
    await ask('/')
    await ask('/', { method: 'POST' })
    expect(requests.length).toBe(4)
    expect(cache.health()).toEqual({
      status: 'degraded',
      reason: 'the HTTP cache cannot use its store, requests go on uncached: the store is away',
    })
    expect(lines).toEqual(['the store of the HTTP cache cannot be used: requests go on uncached'])
    expect(await failureOf(cache.clear())).toBeInstanceOf(ConnectionError)
    store.isDown = false
    await ask('/')
    expect(cache.health()).toEqual({ status: 'up' })
    expect(lines.length).toBe(2)
    expect(cache.statistics().storeErrors).toBe(5)
  })

  it('does not give what was changed while it was away', async () => {
    const store = new RemoteStore()
    const { ask, requests } = origin(FRESH, { store })
    await ask('/')
    store.isDown = true
    await ask('/', { method: 'PUT' })
    await ask('/')
    store.isDown = false
    expect((await ask('/')).text()).toBe('answer 4')
    expect((await ask('/')).text()).toBe('answer 4')
    expect(requests.length).toBe(4)
  })

  it('gives nothing when it had to forget too much to tell what', async () => {
    const store = new RemoteStore()
    const { ask, requests } = origin(FRESH, { store })
    await ask('/kept')
    store.isDown = true
    for (let at = 0; at < 1001; at += 1) await ask(`/${at}`, { method: 'PUT' })
    store.isDown = false
    await ask('/kept')
    expect(requests.length).toBe(1003)
    await ask('/kept')
    expect(requests.length).toBe(1003)
  })

  it.each(['', '{', '{"v":2,"head":{}}', 'null', '[]'])(
    'with metadata %j of somebody else is taken for empty',
    async (metadata) => {
      const store = new MemoryCacheStore()
      store.set('http://api.test/', { body: Buffer.from('theirs'), metadata }, { ttlMs: 60_000 })
      const { ask } = origin(FRESH, { store })
      expect((await ask('/')).text()).toBe('answer 1')
      expect((await ask('/')).text()).toBe('answer 1')
    },
  )
})

describe('the limits of what is kept', () => {
  it('a body above maxEntryBytes is not', async () => {
    const { ask, requests, cache } = origin(FRESH, { maxEntryBytes: 7 })
    await ask('/')
    await ask('/')
    expect(requests.length).toBe(2)
    expect(cache.statistics().stored).toBe(0)
  })

  it('what is above maxEntries makes room', async () => {
    const { ask, cache } = origin(FRESH, { maxEntries: 2 })
    for (const path of ['/1', '/2', '/3']) await ask(path)
    expect(cache.statistics()).toMatchObject({ stored: 3, evicted: 1 })
  })
})

describe('a streamed answer', () => {
  it('is kept once it has been read to its end, and given as a stream and whole', async () => {
    const { ask, stream, requests } = origin(FRESH)
    const first = await stream('/')
    expect(requests.length).toBe(1)
    expect(Buffer.concat(await first.body.toArray()).toString()).toBe('answer 1')
    const again = await stream('/')
    expect(again.attempts).toBe(0)
    expect(Buffer.concat(await again.body.toArray()).toString()).toBe('answer 1')
    expect((await ask('/')).text()).toBe('answer 1')
    expect(requests.length).toBe(1)
  })

  it('that is given up, or too long, is not kept', async () => {
    const given = origin(FRESH)
    const first = await given.stream('/')
    first.body.destroy()
    await given.ask('/')
    expect(given.requests.length).toBe(2)
    const long = origin(FRESH, { maxEntryBytes: 7 })
    const whole = await long.stream('/')
    expect(Buffer.concat(await whole.body.toArray()).toString()).toBe('answer 1')
    await long.ask('/')
    expect(long.requests.length).toBe(2)
  })

  it('that was invalidated while it was read is not kept', async () => {
    const { stream, ask, requests } = origin(FRESH)
    const first = await stream('/')
    await ask('/', { method: 'PUT' })
    await first.body.toArray()
    await ask('/')
    expect(requests.length).toBe(3)
  })
})
