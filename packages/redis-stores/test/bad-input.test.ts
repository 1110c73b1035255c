import { ConfigurationError } from '@comm/core'
import {
  type RedisCacheOptions,
  RedisCacheStore,
  RedisConnection,
  type RedisConnectionOptions,
  type RedisDedupOptions,
  RedisDedupStore,
  type RedisRateLimitOptions,
  RedisRateLimitStore,
} from '@comm/redis-stores'
import { describe, expect, it } from '@jest/globals'

describe('new RedisConnection(options)', () => {
  it.each([
    [{ port: 70_000 }, 'RedisConnection.port must be an integer >= 1 and <= 65535, got 70000'],
    [{ masterName: '' }, "RedisConnection.masterName must be a non-empty string, got ''"],
    [{ password: '' }, 'RedisConnection.password must be a non-empty string, got [redacted]'],
    [{ ssl: { passphrase: 5 } }, 'RedisConnection.ssl.passphrase must be a string, got [redacted]'],
    [{ heartbeatMs: -1 }, 'RedisConnection.heartbeatMs must be a finite number >= 0, got -1'],
    [{ clock: {} }, 'RedisConnection.clock must be a Clock (with now(), wall(), setTimer()), got an object with keys (none)'],
  ])('%j', (options, message) => {
    expect(() => new RedisConnection(options as RedisConnectionOptions)).toThrow(new ConfigurationError(message))
  })
})

describe('new RedisDedupStore(options)', () => {
  it.each([
    [{ connection: 'localhost' }, "RedisDedupStore.connection must be an object, got 'localhost'"],
    [{ keyPrefix: 1 }, 'RedisDedupStore.keyPrefix must be a string, got 1'],
    [{ connection: { port: 0 } }, 'RedisConnection.port must be an integer >= 1 and <= 65535, got 0'],
  ])('%j', (options, message) => {
    expect(() => new RedisDedupStore(options as unknown as RedisDedupOptions)).toThrow(new ConfigurationError(message))
  })
})

describe('new RedisCacheStore(options)', () => {
  it.each([
    [{ timeoutMs: 0 }, 'RedisCacheStore.timeoutMs must be a finite number > 0, got 0'],
    [{ pauseMs: -1 }, 'RedisCacheStore.pauseMs must be a finite number >= 0, got -1'],
    [{ keyPrefix: 7 }, 'RedisCacheStore.keyPrefix must be a string, got 7'],
    [{ maxBytes: 7 }, 'RedisCacheStore.maxBytes is an unknown option, known are connection, timeoutMs, pauseMs, keyPrefix'],
    [{ connection: { password: 7 } }, 'RedisConnection.password must be a non-empty string, got [redacted]'],
  ])('%j', (options, message) => {
    expect(() => new RedisCacheStore(options as unknown as RedisCacheOptions)).toThrow(new ConfigurationError(message))
  })
})

describe('new RedisRateLimitStore(options)', () => {
  it.each([
    [{ whenAway: 'allow' }, "RedisRateLimitStore.whenAway must be one of 'local', 'reject', got 'allow'"],
    [{ connection: 6379 }, 'RedisRateLimitStore.connection must be an object, got 6379'],
  ])('%j', (options, message) => {
    expect(() => new RedisRateLimitStore(options as unknown as RedisRateLimitOptions)).toThrow(new ConfigurationError(message))
  })
})
