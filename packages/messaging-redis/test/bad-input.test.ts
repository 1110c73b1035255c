import { ConfigurationError } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import {
  RedisPubSubAdapter,
  RedisPubSubClient,
  type RedisPubSubClientOptions,
  RedisStreamsAdapter,
  RedisStreamsClient,
  type RedisStreamsClientOptions,
} from '@comm/messaging-redis'
import { describe, expect, it } from '@jest/globals'

describe('new RedisStreamsClient(options)', () => {
  it.each([
    [
      { host: 'redis://localhost' },
      "RedisStreams.host must be a host name or an address, without scheme, port and credentials, got 'redis://localhost'",
    ],
    [{ port: 0 }, 'RedisStreams.port must be an integer >= 1 and <= 65535, got 0'],
    [{ hosts: ['a:b:c'] }, "RedisStreams.hosts must be an array, each item 'host' or 'host:port', got an array of 1"],
    [{ topology: 'ring' }, "RedisStreams.topology must be one of 'standalone', 'sentinel', 'cluster', got 'ring'"],
    [{ password: 7 }, 'RedisStreams.password must be a non-empty string, got [redacted]'],
    [{ database: -1 }, 'RedisStreams.database must be an integer >= 0, got -1'],
    [
      { clientId: 'two words' },
      "RedisStreams.clientId must be printable ASCII without spaces, at most 200 characters, got 'two words'",
    ],
    [{ keyPrefix: '{x}' }, "RedisStreams.keyPrefix must be a string without { and }, got '{x}'"],
    [{ maxBodyBytes: 2 ** 40 }, 'RedisStreams.maxBodyBytes must be an integer >= 1 and <= 536870912, got 1099511627776'],
    [{ prefetchCount: 0 }, 'RedisStreams.prefetchCount must be an integer >= 1, got 0'],
    [{ claimIdleMs: 10 }, 'RedisStreams.claimIdleMs must be a finite number >= 100, got 10'],
    [{ retainedRecords: -1 }, 'RedisStreams.retainedRecords must be an integer >= 0, got -1'],
    [{ ssl: { enabled: 'yes' } }, "RedisConnection.ssl.enabled must be true or false, got 'yes'"],
    [{ topology: 'cluster', database: 1 }, 'RedisConnection.database must be 0, the only one of a Cluster, got 1'],
    [{ name: '' }, "RedisStreams.name must be a non-empty string, got ''"],
  ])('%j', (options, message) => {
    expect(() => new RedisStreamsClient(options as RedisStreamsClientOptions)).toThrow(new ConfigurationError(message))
  })

  it('names every known option where one is unknown', () => {
    expect(() => new RedisStreamsClient({ hots: 'x' } as RedisStreamsClientOptions)).toThrow(
      /^RedisStreams\.hots is an unknown option, known are .*, host, port, hosts, /,
    )
  })

  it('takes a configuration section as the manager passes it', () => {
    const section = {
      host: 'localhost',
      hosts: [],
      database: 0,
      ssl: { enabled: false },
      prefetchCount: 10,
      confirmDelivery: true,
      connectionTimeoutMs: 10_000,
      heartbeatMs: 5000,
    } as const
    expect(new RedisStreamsClient({ ...section, name: 'orders', group: 'billing' }).name).toBe('orders')
    expect(new RedisPubSubClient({ ...section, name: 'news', group: 'billing' }).name).toBe('news')
  })
})

describe('new RedisPubSubClient(options)', () => {
  it.each([
    [{ maxQueuedRecords: 0 }, 'RedisPubSub.maxQueuedRecords must be an integer >= 1, got 0'],
    [{ sharded: 1 }, 'RedisPubSub.sharded must be true or false, got 1'],
  ])('%j', (options, message) => {
    expect(() => new RedisPubSubClient(options as RedisPubSubClientOptions)).toThrow(new ConfigurationError(message))
  })
})

describe('subscribe(request)', () => {
  it.each([
    [{ topics: [] }, 'subscribe.topics must be a non-empty array of topics, got an array of 0'],
    [{ topics: ['a{b}'] }, "cannot subscribe: topic 'a{b}' must be a non-empty text without { and }"],
    [{ group: 'a@b' }, "cannot subscribe: group 'a@b' must be a non-empty text without @, { and }"],
    [{ maxUnsettled: 0 }, 'subscribe.maxUnsettled must be an integer >= 1 or Infinity, got 0'],
    [{ from: 'latest' }, "subscribe.from must be one of 'new', 'earliest' or { timestamp: number }, got 'latest'"],
  ])('%j', async (wrong, message) => {
    const request = { topics: ['t'], maxUnsettled: 1, lanes: 'none', ...wrong } as SubscribeRequest
    const adapters = 'group' in wrong ? [new RedisStreamsAdapter()] : [new RedisStreamsAdapter(), new RedisPubSubAdapter()]
    for (const adapter of adapters) {
      await expect(adapter.subscribe(request, () => undefined)).rejects.toThrow(new ConfigurationError(message))
    }
  })
})
