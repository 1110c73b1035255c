import {
  CommunicationError,
  type Health,
  type Logger,
  MemoryRateLimitStore,
  type RateLimitAnswer,
  type RateLimitStore,
  silentLogger,
  type TokenBucket,
} from '@comm/core'
import { checkOptions, object, oneOf, withDefaults } from '@comm/core/options'
import { BoundedScripts } from './bounded-scripts.ts'
import { type RedisConnection, RedisScript } from './connection/index.ts'
import { connectionFor, REDIS_STORE_DEFAULTS, REDIS_STORE_RULES, type RedisStoreOptions } from './store-options.ts'

export interface RedisRateLimitOptions extends RedisStoreOptions {
  /** Put before every key. @default 'comm:rate:' */
  readonly keyPrefix?: string
  /**
   * While the server is away: `local`: each process limits by itself, from a full bucket. `reject`: each take rejects with a
   * ConnectionError. @default 'local'
   */
  readonly whenAway?: 'local' | 'reject'
  /** Hears once that the server is away, and that it is back. @default silentLogger */
  readonly logger?: Logger
}

export const REDIS_RATE_LIMIT_DEFAULTS: Readonly<Required<RedisRateLimitOptions>> = Object.freeze({
  ...REDIS_STORE_DEFAULTS,
  keyPrefix: 'comm:rate:',
  whenAway: 'local',
  logger: silentLogger,
})

/**
 * A hash of how many tokens there were, and when by the server's own clock: the clocks of the processes need not agree. It expires a
 * minute after the bucket is full again, as it is for a new key; one into which next to nothing flows, after 30 days.
 *
 * ARGV: tokens, capacity, tokens per second. The tolerance is that of core's store.
 */
const TAKE = new RedisScript(`
local want, capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = capacity
if held[1] then
  tokens = math.min(capacity, tonumber(held[1]) + math.max(0, now - tonumber(held[2])) / 1000 * rate)
end
local missing, wait = want - tokens, 0
local allowed = missing <= 1e-6
if allowed then
  tokens = math.max(0, -missing)
elseif want <= capacity and rate > 0 then
  wait = missing / rate * 1000
else
  wait = -1
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', now))
local full = rate > 0 and (capacity - tokens) / rate * 1000 or 2592000000
redis.call('PEXPIRE', KEYS[1], math.ceil(math.min(full, 2592000000)) + 60000)
return { allowed and 1 or 0, math.floor(tokens + 1e-6), string.format('%.17g', wait) }`)

/** Token buckets that any number of processes share, exactly: each take is one atomic script. */
export class RedisRateLimitStore implements RateLimitStore, AsyncDisposable {
  readonly #connection: RedisConnection
  readonly #isOurs: boolean
  readonly #scripts: BoundedScripts
  readonly #keyPrefix: string
  readonly #logger: Logger
  readonly #isLocalWhenAway: boolean
  /** While the server is away. */
  #local: MemoryRateLimitStore | undefined

  /** @throws ConfigurationError */
  constructor(options: RedisRateLimitOptions = {}) {
    checkOptions<RedisRateLimitOptions>('RedisRateLimitStore', options, {
      ...REDIS_STORE_RULES,
      whenAway: oneOf('local', 'reject'),
      logger: object,
    })
    const {
      connection: given,
      keyPrefix,
      timeoutMs,
      pauseMs,
      whenAway,
      logger,
    } = withDefaults(REDIS_RATE_LIMIT_DEFAULTS, options)
    const { connection, isOurs } = connectionFor(given)
    this.#connection = connection
    this.#isOurs = isOurs
    this.#scripts = new BoundedScripts(connection, isOurs, { timeoutMs, pauseMs })
    this.#keyPrefix = keyPrefix
    this.#logger = logger
    this.#isLocalWhenAway = whenAway === 'local'
  }

  async take(key: string, tokens: number, bucket: TokenBucket): Promise<RateLimitAnswer> {
    try {
      const answer = await this.#take(key, tokens, bucket)
      this.#isBack()
      return answer
    } catch (thrown) {
      if (!this.#isLocalWhenAway) throw thrown
      return this.#takeHere(CommunicationError.from(thrown)).take(key, tokens, bucket)
    }
  }

  /** Degraded while the server is away: each process limits by itself then, or not at all. */
  async health(): Promise<Health> {
    const { status, reason = '' } = await this.#connection.health()
    return status === 'up' ? { status } : { status: 'degraded', reason }
  }

  /** Closes the connection, unless it was passed in. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOurs) await this.#connection[Symbol.asyncDispose]()
  }

  async #take(key: string, tokens: number, { capacity, perSecond }: TokenBucket): Promise<RateLimitAnswer> {
    const args = [tokens, capacity, perSecond].map(String)
    const what = `take from a rate limit at ${this.#connection.where}`
    const reply = await this.#scripts.run(what, (link) => TAKE.run(link, [this.#keyPrefix + key], args))
    const [allowed, remaining, wait] = reply as readonly [number, number, string]
    const waitMs = Number(wait)
    return { allowed: allowed === 1, remaining, retryAfterMs: waitMs < 0 ? Number.POSITIVE_INFINITY : waitMs }
  }

  #takeHere(error: CommunicationError): MemoryRateLimitStore {
    if (this.#local !== undefined) return this.#local
    this.#logger.warn('the shared rate limit cannot be used: each process limits by itself', { error })
    this.#local = new MemoryRateLimitStore({ clock: this.#connection.options.clock })
    return this.#local
  }

  #isBack(): void {
    if (this.#local === undefined) return
    this.#local = undefined
    this.#logger.info('the shared rate limit can be used again')
  }
}
