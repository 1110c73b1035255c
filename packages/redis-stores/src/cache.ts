import { randomUUID } from 'node:crypto'
import type { CacheEntry, CacheSetOptions, CacheStore, Health } from '@comm/core'
import { checkOptions, withDefaults } from '@comm/core/options'
import { BoundedScripts } from './bounded-scripts.ts'
import { DELETE, DELETE_PREFIX, DELETE_TAG, RELEASE, SET } from './cache-scripts.ts'
import type { Argument, RedisConnection, RedisScript } from './connection/index.ts'
import { connectionFor, REDIS_STORE_DEFAULTS, REDIS_STORE_RULES, type RedisStoreOptions } from './store-options.ts'

export interface RedisCacheOptions extends RedisStoreOptions {
  /** Names the cache: processes that name it alike share it. It is a hash tag: in a Cluster one cache is on one server. @default 'comm:cache' */
  readonly keyPrefix?: string
}

export const REDIS_CACHE_DEFAULTS: Readonly<Required<RedisCacheOptions>> = Object.freeze({
  ...REDIS_STORE_DEFAULTS,
  keyPrefix: 'comm:cache',
})

/**
 * A cache that any number of processes share. It connects when it is first used and comes back by itself; while the server is away
 * each step rejects, at once or within `timeoutMs`. How much it holds is for the server to bound (`maxmemory` with
 * `maxmemory-policy volatile-lru` or `allkeys-lru`).
 */
export class RedisCacheStore implements CacheStore, AsyncDisposable {
  readonly #connection: RedisConnection
  readonly #isOurs: boolean
  readonly #scripts: BoundedScripts
  /** Before every key; it keeps them all in one hash slot. */
  readonly #prefix: string

  /** @throws ConfigurationError */
  constructor(options: RedisCacheOptions = {}) {
    checkOptions<RedisCacheOptions>('RedisCacheStore', options, REDIS_STORE_RULES)
    const { connection: given, keyPrefix, timeoutMs, pauseMs } = withDefaults(REDIS_CACHE_DEFAULTS, options)
    const { connection, isOurs } = connectionFor(given)
    this.#connection = connection
    this.#isOurs = isOurs
    this.#scripts = new BoundedScripts(connection, isOurs, { timeoutMs, pauseMs })
    this.#prefix = `{${keyPrefix}}:`
  }

  async get(key: string): Promise<CacheEntry | undefined> {
    const name = `${this.#prefix}e:${key}`
    const reply = await this.#scripts.run(this.#what('read'), (link) => link.send(name, ['HMGET', name, 'b', 'm'], 'bytes'))
    const [body, metadata] = reply as readonly (Buffer | null)[]
    return body && metadata ? { body, metadata: metadata.toString() } : undefined
  }

  async set(key: string, { body, metadata }: CacheEntry, { ttlMs, tags = [] }: CacheSetOptions): Promise<boolean> {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    await this.#run(SET, 'write', [key, bytes, metadata, String(Math.max(1, Math.round(ttlMs))), ...tags])
    return true
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#run(DELETE, 'invalidate', [key])) === 1
  }

  async invalidatePrefix(prefix: string): Promise<number> {
    return Number(await this.#run(DELETE_PREFIX, 'invalidate', [prefix]))
  }

  async invalidateTag(tag: string): Promise<number> {
    return Number(await this.#run(DELETE_TAG, 'invalidate', [tag]))
  }

  async claim(key: string, leaseMs: number): Promise<string | undefined> {
    const [name, token] = [this.#claimKey(key), randomUUID()]
    const command = ['SET', name, token, 'NX', 'PX', String(Math.max(1, Math.round(leaseMs)))]
    const reply = await this.#scripts.run(this.#what('claim an entry of'), (link) => link.send(name, command))
    return reply === null ? undefined : token
  }

  async release(key: string, token: string): Promise<void> {
    const name = this.#claimKey(key)
    await this.#scripts.run(this.#what('release an entry of'), (link) => RELEASE.run(link, [name], [token]))
  }

  /** Degraded while the server is away: its users do without it. */
  async health(): Promise<Health> {
    const { status, reason = '' } = await this.#connection.health()
    return status === 'up' ? { status } : { status: 'degraded', reason }
  }

  /** Closes the connection, unless it was passed in. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOurs) await this.#connection[Symbol.asyncDispose]()
  }

  #run(script: RedisScript, verb: string, args: readonly Argument[]): Promise<unknown> {
    return this.#scripts.run(this.#what(verb), (link) => script.run(link, [this.#prefix], [this.#prefix, ...args]))
  }

  #claimKey(key: string): string {
    return `${this.#prefix}c:${key}`
  }

  #what(verb: string): string {
    return `${verb} the cache at ${this.#connection.where}`
  }
}
