import { type CacheStore, type Clock, ConfigurationError, type Logger, silentLogger, systemClock } from '@comm/core'
import {
  arrayOf,
  callable,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  required,
  withDefaults,
  withMethods,
} from '@comm/core/options'
import type { ResponseHead } from '../response.ts'

/** How long answers of some URLs are kept, and under which tags. */
export interface CacheRule {
  /** The beginning of the URL's path (`/users/`), an expression for the whole URL, or a function. The first rule that matches holds. */
  readonly match: string | RegExp | ((url: URL) => boolean)
  /** Replaces what the answer says about its freshness; 0: not kept. `no-store`, `private` and the rules about Authorization hold all the same. */
  readonly ttlMs?: number
  /** By which the answers can be invalidated. */
  readonly tags?: readonly string[] | ((response: ResponseHead) => readonly string[])
  /** Replaces the cache's. */
  readonly staleWhileRevalidateMs?: number
  /** Replaces the cache's. */
  readonly staleIfErrorMs?: number
}

/** For one request. */
export interface RequestCacheOptions {
  /** As in a rule, and in its place. */
  readonly ttlMs?: number
  /** Beside those of a rule. */
  readonly tags?: readonly string[]
}

export interface HttpCacheOptions {
  /** Where answers are kept; one that processes share is in `@comm/redis-stores`. @default new MemoryCacheStore() */
  readonly store?: CacheStore
  /** Of the store in memory. @default 52428800 */
  readonly maxBytes?: number
  /** Of the store in memory. @default 1000 */
  readonly maxEntries?: number
  /** A longer body is not kept. @default 1048576 */
  readonly maxEntryBytes?: number
  /** `shared`: for many users, as RFC 9111 means it. `private`: all requests are one user's. @default 'shared' */
  readonly mode?: 'shared' | 'private'
  /** Freshness of a 2xx answer or permanent redirect that states none itself. @default a tenth of the time since Last-Modified */
  readonly defaultTtlMs?: number
  /** How long after its end a stale answer is given while a new one is fetched, unless the answer says it. @default 0 */
  readonly staleWhileRevalidateMs?: number
  /** How long after its end a stale answer is given when the server fails, unless the answer says it. @default 0 */
  readonly staleIfErrorMs?: number
  /** @default [] */
  readonly rules?: readonly CacheRule[]
  /** Hears once that the store is out of reach, and that it is back. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

type Defaulted = Exclude<keyof HttpCacheOptions, 'store' | 'maxBytes' | 'maxEntries' | 'defaultTtlMs'>

export const HTTP_CACHE_DEFAULTS: Readonly<Required<Pick<HttpCacheOptions, Defaulted>>> = Object.freeze({
  maxEntryBytes: 1024 * 1024,
  mode: 'shared',
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  rules: Object.freeze([]),
  logger: silentLogger,
  clock: systemClock,
})

export type ResolvedCache = HttpCacheOptions & Required<Pick<HttpCacheOptions, Defaulted>>

const ms = number({ min: 0 })
const tags = arrayOf(nonEmptyText)
const aStore = withMethods('a CacheStore', 'get', 'set', 'delete', 'invalidatePrefix', 'invalidateTag')
const isRegExp: Rule = { expected: 'an expression', accepts: (value) => value instanceof RegExp }

const CACHE_RULES: Rules<HttpCacheOptions> = {
  store: aStore,
  maxBytes: number({ min: 1, integer: true }),
  maxEntries: number({ min: 1, integer: true }),
  maxEntryBytes: number({ min: 0, integer: true }),
  mode: oneOf('shared', 'private'),
  defaultTtlMs: ms,
  staleWhileRevalidateMs: ms,
  staleIfErrorMs: ms,
  rules: arrayOf(object),
  logger: object,
  clock: withMethods('a Clock', 'now', 'wall'),
}

const RULE_RULES: Rules<CacheRule> = {
  match: required({
    ...either(nonEmptyText, isRegExp, callable),
    expected: "the beginning of a path such as '/users/', an expression or a function",
  }),
  ttlMs: ms,
  tags: { ...either(tags, callable), expected: 'an array of non-empty strings, or a function that gives one' },
  staleWhileRevalidateMs: ms,
  staleIfErrorMs: ms,
}

const REQUEST_CACHE_RULES: Rules<RequestCacheOptions> = { ttlMs: ms, tags }

/** @throws ConfigurationError */
export function resolveCacheOptions(what: string, options: HttpCacheOptions): ResolvedCache {
  checkOptions<HttpCacheOptions>(what, options, CACHE_RULES)
  options.rules?.forEach((rule, at) => {
    checkOptions<CacheRule>(`${what}.rules[${at}]`, rule, RULE_RULES)
  })
  for (const key of ['maxBytes', 'maxEntries'] as const) {
    if (options.store === undefined || options[key] === undefined) continue
    const problem = { key: `${what}.${key}`, expected: 'left out where a store is given', received: String(options[key]) }
    throw new ConfigurationError(`${problem.key} must be ${problem.expected}, got ${problem.received}`, { problems: [problem] })
  }
  return withDefaults(HTTP_CACHE_DEFAULTS, options)
}

/** @throws ConfigurationError */
export function checkRequestCache(cache: false | RequestCacheOptions): void {
  if (cache !== false) checkOptions<RequestCacheOptions>('request.cache', cache, REQUEST_CACHE_RULES)
}

/** What is in the object is checked by `checkRequestCache`. */
export const requestCache: Rule = {
  expected: 'false or an object with ttlMs and tags',
  accepts: (value) => value === false || object.accepts(value),
}
