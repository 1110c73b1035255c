import { ConfigurationError } from '@comm/core'
import {
  MemoryBrokerAdapter,
  type MemoryBrokerAdapterOptions,
  MemoryServer,
  type MemoryServerOptions,
  type SubscribeRequest,
} from '@comm/messaging'
import { describe, expect, it } from '@jest/globals'

/** What JavaScript users may pass. */
const loose = <Options>(options: Record<string, unknown>): Options => options as Options

describe('new MemoryServer(options)', () => {
  it.each([
    [{ retainedRecords: -1 }, 'MemoryServer options.retainedRecords must be an integer >= 0 or Infinity, got -1'],
    [{ retainedBytes: 1.5 }, 'MemoryServer options.retainedBytes must be an integer >= 0 or Infinity, got 1.5'],
    [{ maxQueuedRecords: 0 }, 'MemoryServer options.maxQueuedRecords must be an integer >= 1 or Infinity, got 0'],
    [{ maxBodyBytes: '1MB' }, "MemoryServer options.maxBodyBytes must be an integer >= 1 or Infinity, got '1MB'"],
  ])('%j', (options, message) => {
    expect(() => new MemoryServer(loose<MemoryServerOptions>(options))).toThrow(new ConfigurationError(message))
  })

  it('takes undefined for what is not given', () => {
    const { options } = new MemoryServer(loose<MemoryServerOptions>({ maxBodyBytes: undefined }))
    expect(options.maxBodyBytes).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('new MemoryBrokerAdapter(options)', () => {
  it.each([
    [{ server: 'localhost' }, "MemoryBrokerAdapter options.server must be an object, got 'localhost'"],
    [{ clock: 5 }, 'MemoryBrokerAdapter options.clock must be an object, got 5'],
  ])('%j', (options, message) => {
    expect(() => new MemoryBrokerAdapter(loose<MemoryBrokerAdapterOptions>(options))).toThrow(new ConfigurationError(message))
  })
})

describe('subscribe(request)', () => {
  it.each([
    [{ topics: [] }, 'subscribe.topics must be a non-empty array of topics, got an array of 0'],
    [{ topics: 'order.created' }, "subscribe.topics must be a non-empty array of topics, got 'order.created'"],
    [{ topics: [''] }, 'subscribe.topics must be a non-empty array of topics, got an array of 1'],
    [{ group: '' }, "subscribe.group must be a non-empty string, got ''"],
    [{ maxUnsettled: 0 }, 'subscribe.maxUnsettled must be an integer >= 1 or Infinity, got 0'],
    [{ maxUnsettled: undefined }, 'subscribe.maxUnsettled must be an integer >= 1 or Infinity, got nothing'],
    [{ lanes: 'keys' }, "subscribe.lanes must be one of 'key', 'source', 'none', got 'keys'"],
    [{ from: 'latest' }, "subscribe.from must be one of 'new', 'earliest' or { timestamp: number }, got 'latest'"],
    [
      { from: { timestamp: 'now' } },
      "subscribe.from must be one of 'new', 'earliest' or { timestamp: number }, got an object with keys timestamp",
    ],
  ])('%j', async (wrong, message) => {
    await using adapter = new MemoryBrokerAdapter()
    await adapter.connect(new AbortController().signal)
    const request = loose<SubscribeRequest>({ topics: ['t'], maxUnsettled: 1, lanes: 'none', ...wrong })
    await expect(adapter.subscribe(request, () => undefined)).rejects.toThrow(new ConfigurationError(message))
  })
})
