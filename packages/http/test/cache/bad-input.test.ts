import { ConfigurationError } from '@comm/core'
import { EnhancedHttpClient, HttpClient } from '@comm/http'
import { HttpCache, type HttpCacheOptions } from '@comm/http/cache'
import { describe, expect, it } from '@jest/globals'

describe('new HttpCache(options)', () => {
  it.each([
    [{ maxEntryBytes: -1 }, 'HttpCache.maxEntryBytes must be an integer >= 0, got -1'],
    [{ mode: 'public' }, "HttpCache.mode must be one of 'shared', 'private', got 'public'"],
    [{ defaultTtlMs: Number.NaN }, 'HttpCache.defaultTtlMs must be a finite number >= 0, got NaN'],
    [
      { ttl: 5 },
      'HttpCache.ttl is an unknown option, known are store, maxBytes, maxEntries, maxEntryBytes, mode, defaultTtlMs, staleWhileRevalidateMs, staleIfErrorMs, rules, logger, clock',
    ],
    [
      { store: new Map() },
      'HttpCache.store must be a CacheStore (with get(), set(), delete(), invalidatePrefix(), invalidateTag()), got an object with keys (none)',
    ],
    [
      { rules: [{}] },
      "HttpCache.rules[0].match must be the beginning of a path such as '/users/', an expression or a function, got nothing",
    ],
    [
      { rules: [{ match: '/', tags: 'a' }] },
      "HttpCache.rules[0].tags must be an array of non-empty strings, or a function that gives one, got 'a'",
    ],
    [{ rules: 5 }, 'HttpCache.rules must be an array, each item an object, got 5'],
    [{ maxBytes: 0 }, 'HttpCache.maxBytes must be an integer >= 1, got 0'],
  ])('%j', (options, message) => {
    expect(() => new HttpCache(options as unknown as HttpCacheOptions)).toThrow(new ConfigurationError(message))
  })

  it('a limit of the store in memory beside another store', () => {
    const store = { get: () => undefined, set: () => true, delete: () => true, invalidatePrefix: () => 0, invalidateTag: () => 0 }
    const message = 'HttpCache.maxEntries must be left out where a store is given, got 5'
    expect(() => new HttpCache({ store, maxEntries: 5 })).toThrow(new ConfigurationError(message))
  })
})

it.each([HttpClient, EnhancedHttpClient])('new %p({ cache })', (Client) => {
  const message = "HttpClient.cache must be true, false, an object with its options, or an HttpCache, got 'yes'"
  expect(() => new Client({ cache: 'yes' as unknown as boolean })).toThrow(message.replace('HttpClient', Client.name))
})
