import { randomUUID } from 'node:crypto'
import type { DedupClaim, DedupStore } from '@comm/core'
import { type RedisConnection, RedisScript, redisError } from './connection/index.ts'
import { type RedisDedupOptions, resolveDedupOptions } from './dedup-options.ts'

/** A key holds `c` and the token of who claimed it, or `d` for done. It expires with the lease, or when it may be forgotten. */
const CLAIM = new RedisScript(`
local held = redis.call('GET', KEYS[1])
if not held then
  redis.call('SET', KEYS[1], 'c' .. ARGV[1], 'PX', ARGV[2])
  return 'claimed'
end
if held == 'd' then return 'done' end
return redis.call('PTTL', KEYS[1])`)

const RENEW = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= 'c' .. ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

const COMMIT = new RedisScript(`
if redis.call('GET', KEYS[1]) ~= 'c' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], 'd', 'PX', ARGV[2])
return 1`)

const RELEASE = new RedisScript(`
if redis.call('GET', KEYS[1]) == 'c' .. ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

/**
 * Claims that any number of processes share. It connects when it is first used and comes back by itself; while there is no
 * connection each call rejects with a ConnectionError. Leases and memory are as durable as the server is: without
 * `appendfsync always` a crash may forget the last ones, and a message is then handled again.
 */
export class RedisDedupStore implements DedupStore, AsyncDisposable {
  readonly #connection: RedisConnection
  readonly #isOurs: boolean
  readonly #keyPrefix: string

  /** @throws ConfigurationError */
  constructor(options: RedisDedupOptions = {}) {
    const { connection, isOurs, keyPrefix } = resolveDedupOptions(options)
    this.#connection = connection
    this.#isOurs = isOurs
    this.#keyPrefix = keyPrefix
  }

  async claim(key: string, leaseMs: number): Promise<DedupClaim> {
    const token = randomUUID()
    const reply = await this.#run(CLAIM, 'claim', key, token, leaseMs)
    if (reply === 'claimed') return { state: 'claimed', token }
    return reply === 'done' ? { state: 'done' } : { state: 'busy', retryAfterMs: Math.max(1, Number(reply)) }
  }

  async renew(key: string, token: string, leaseMs: number): Promise<boolean> {
    return (await this.#run(RENEW, 'renew', key, token, leaseMs)) === 1
  }

  async commit(key: string, token: string, rememberMs: number): Promise<boolean> {
    return (await this.#run(COMMIT, 'commit', key, token, rememberMs)) === 1
  }

  async release(key: string, token: string): Promise<void> {
    await this.#run(RELEASE, 'release', key, token)
  }

  /** Closes the connection, unless it was passed in. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOurs) await this.#connection[Symbol.asyncDispose]()
  }

  async #run(script: RedisScript, verb: string, key: string, token: string, ms?: number): Promise<unknown> {
    const what = `${verb} a deduplication key at ${this.#connection.where}`
    if (this.#isOurs && this.#connection.link === undefined) await this.#connection.connect(NEVER)
    const link = this.#connection.require(what)
    const args = ms === undefined ? [token] : [token, String(Math.max(1, Math.ceil(ms)))]
    try {
      return await script.run(link, [this.#keyPrefix + key], args)
    } catch (thrown) {
      throw redisError(thrown, what)
    }
  }
}

const NEVER = new AbortController().signal
