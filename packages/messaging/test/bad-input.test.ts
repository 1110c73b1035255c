import { exponentialBackoff } from '@comm/core'
import { deadLetter, MemoryBroker, MemoryServer, MessageClient, retryAfter, topic } from '@comm/messaging'
import { afterAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { Between } from './support/between.ts'

// Every value here is of a wrong type on purpose: what a JavaScript caller, or a configuration, may hand over.
type Wrong = never
const wrong = (value: unknown): Wrong => value as Wrong

const NAME = 'words of letters, digits, _ and - joined by dots, at most 100 characters'
const HEADERS =
  'an object of strings and Uint8Arrays whose names do not start with ce_ or comm- and are not content-type, traceparent or tracestate'

const client = new MemoryBroker()
afterAll(() => client.close())
const handler = (): void => undefined

describe('options of a client', () => {
  it.each<[string, object, string]>([
    [
      'a misspelt option',
      { nam: 'x' },
      'messaging.nam is an unknown option, known are name, source, group, connectOn, publishTimeoutMs, requestTimeoutMs, closeTimeoutMs, buffer, codecs, guards, resilience, logger, clock, random',
    ],
    ['a group with a blank', { group: 'my service' }, `messaging.group must be ${NAME}, got 'my service'`],
    ['connectOn', { connectOn: 'never' }, "messaging.connectOn must be one of 'use', 'start', got 'never'"],
    [
      'publishTimeoutMs',
      { publishTimeoutMs: 0 },
      'messaging.publishTimeoutMs must be a finite number >= 1 and <= 2147483647, got 0',
    ],
    ['closeTimeoutMs', { closeTimeoutMs: '10s' }, "messaging.closeTimeoutMs must be a finite number >= 0, got '10s'"],
    [
      'buffer.whenFull',
      { buffer: { whenFull: 'drop' } },
      "buffer.whenFull must be one of 'block', 'reject', 'dropOldest', got 'drop'",
    ],
    ['buffer.maxMessages', { buffer: { maxMessages: 1.5 } }, 'buffer.maxMessages must be an integer >= 1, got 1.5'],
    [
      'a guard',
      { guards: [{ incomming: () => undefined }] },
      'messaging.guards must be an array, each item a guard with outgoing(), incoming() or subscribing(), got an array of 1',
    ],
    [
      'a codec',
      { codecs: [{ contentType: 'a/b' }] },
      'messaging.codecs must be an array, each item a codec with contentType, encode and decode, got an array of 1',
    ],
    [
      'resilience',
      { resilience: {} },
      "messaging.resilience must be a pipeline made by pipeline() of '@comm/core', got an object with keys (none)",
    ],
    ['clock', { clock: {} }, 'messaging.clock must be a Clock (with now(), wall(), setTimer()), got an object with keys (none)'],
    [
      'logger',
      { logger: {} },
      'messaging.logger must be a Logger (with debug(), info(), warn(), error()), got an object with keys (none)',
    ],
    ['server', { server: 'localhost' }, "messaging.server must be an object, got 'localhost'"],
  ])('%s', (_, options, message) => {
    expect(() => new MemoryBroker(wrong(options))).toThrow(message)
  })

  it('every problem at once', () => {
    expect(() => new MemoryBroker(wrong({ name: '', closeTimeoutMs: -1 }))).toThrow(
      "2 options of messaging are wrong:\n  messaging.name must be a non-empty string, got ''\n  messaging.closeTimeoutMs must be a finite number >= 0, got -1",
    )
  })
})

describe('topics', () => {
  it.each<[string, unknown, string]>([
    ['an empty name', '', `topic must be ${NAME}, got ''`],
    ['a blank in it', 'order created', `topic must be ${NAME}, got 'order created'`],
    ['an empty word', 'order..created', `topic must be ${NAME}, got 'order..created'`],
    ['a pattern to publish to', 'order.*', `topic must be ${NAME}, got 'order.*'`],
    ['too long a name', 'x'.repeat(101), `topic must be ${NAME}, got '${'x'.repeat(57)}...'`],
    ['no string', 7, `topic must be ${NAME}, got 7`],
    ['nothing', undefined, `topic must be ${NAME}, got undefined`],
    ['null', null, `topic must be ${NAME}, got null`],
  ])('publish: %s', async (_, name, message) => {
    await expect(client.publish(wrong(name), 1)).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
    await expect(client.request(wrong(name), 1)).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
  })

  it.each<[string, unknown, string]>([
    ['half a pattern', 'order.a*', `topic must be ${NAME}, where * stands for one word and # for any number, got 'order.a*'`],
    ['null', null, `topic must be ${NAME}, where * stands for one word and # for any number, got null`],
    ['none', [], 'topics must be at least one topic, got an array of 0'],
    ['one of several', ['a', ''], `topic must be ${NAME}, where * stands for one word and # for any number, got ''`],
  ])('subscribe: %s', async (_, name, message) => {
    await expect(client.subscribe(wrong(name), handler)).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
  })

  it('declared with a wrong name or without a schema', () => {
    expect(() => topic('order created', z.string())).toThrow(`topic name must be ${NAME}, got 'order created'`)
    expect(() => topic('a', wrong({ parse: handler }))).toThrow(
      'schema of topic a must be a schema that implements Standard Schema (zod, valibot, arktype …), got an object with keys parse',
    )
  })
})

describe('options of a publish', () => {
  it.each<[string, object, string]>([
    [
      'a header that is a number',
      { headers: { retries: 3 } },
      `publish.headers must be ${HEADERS}, got an object with keys retries`,
    ],
    [
      'a header of ours',
      { headers: { 'comm-attempts': '1' } },
      `publish.headers must be ${HEADERS}, got an object with keys comm-attempts`,
    ],
    ['an empty key', { key: '' }, "publish.key must be a non-empty string, got ''"],
    ['delayMs', { delayMs: -1 }, 'publish.delayMs must be a finite number >= 0 and <= 4320000000000000, got -1'],
    [
      'a delay beyond all time',
      { delayMs: 1e300 },
      'publish.delayMs must be a finite number >= 0 and <= 4320000000000000, got 1e+300',
    ],
    [
      'expiresAt as a date',
      { expiresAt: new Date(0) },
      'publish.expiresAt must be a finite number >= 0 and <= 8640000000000000, got an object with keys (none)',
    ],
    ['priority', { priority: 10 }, 'publish.priority must be an integer >= 0 and <= 9, got 10'],
    ['unroutable', { unroutable: 'drop' }, "publish.unroutable must be one of 'error', 'ignore', got 'drop'"],
    ['null', null as never, 'publish must be an object, got null'],
    ['a signal that is none', { signal: {} }, 'publish.signal must be an AbortSignal, got an object with keys (none)'],
  ])('%s', async (_, options, message) => {
    await expect(client.publish('a', 1, wrong(options))).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
  })
})

describe('bodies', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular

  it.each<[string, unknown, object, string]>([
    ['undefined', undefined, {}, 'a message for a cannot be encoded as application/json: undefined has no JSON form'],
    ['a function', handler, {}, 'a message for a cannot be encoded as application/json: function has no JSON form'],
    ['a bigint', 1n, {}, 'a message for a cannot be encoded as application/json: Do not know how to serialize a BigInt'],
    ['a circle', circular, {}, 'a message for a cannot be encoded as application/json: Converting circular structure to JSON'],
    [
      'text that is none',
      7,
      { contentType: 'text/plain' },
      'a message for a cannot be encoded as text/plain: text/plain takes a string, got 7',
    ],
    [
      'no codec',
      7,
      { contentType: 'application/avro' },
      "a message for a cannot be encoded: no codec for content type application/avro; pass one in the client's codecs",
    ],
  ])('%s', async (_, body, options, message) => {
    await expect(client.publish('a', body, options)).rejects.toMatchObject({ code: 'COMM_VALIDATION', message })
  })
})

describe('options of a subscription', () => {
  it.each<[string, object, string]>([
    ['concurrency', { concurrency: 0 }, 'subscribe.concurrency must be an integer >= 1, got 0'],
    ['group', { group: 'a b' }, `subscribe.group must be ${NAME}, got 'a b'`],
    ['lanes', { lanes: 'keys' }, "subscribe.lanes must be one of 'key', 'source', 'none', got 'keys'"],
    [
      'deadlineMs',
      { deadlineMs: Number.POSITIVE_INFINITY },
      'subscribe.deadlineMs must be a finite number >= 1 and <= 2147483647, got Infinity',
    ],
    ['from', { from: 'start' }, "subscribe.from must be 'new', 'earliest' or { timestamp: epoch milliseconds }, got 'start'"],
    [
      'retry.maxAttempts',
      { retry: { maxAttempts: 0 } },
      'subscribe.retry.maxAttempts must be an integer >= 1 or Infinity, got 0',
    ],
    [
      'retry.backoff as a number',
      { retry: { backoff: 1000 } },
      "subscribe.retry.backoff must be a backoff such as exponentialBackoff() of '@comm/core', got 1000",
    ],
    [
      'deadLetter without a group',
      { deadLetter: true },
      'subscribe.deadLetter must be false without a group: dead letters are kept for the group that failed, got true',
    ],
    ['ack', { ack: 'never' }, "subscribe.ack must be one of 'auto', 'manual', got 'never'"],
    [
      'watchdogMs',
      { watchdogMs: -1 },
      'subscribe.watchdogMs must be a finite number >= 0 and <= 2147483647 or one of false, got -1',
    ],
    [
      'dedup without a store',
      { dedup: {} },
      'subscribe.dedup.store must be a DedupStore (with claim(), renew(), commit(), release()), got nothing',
    ],
    [
      'a dedup store that can only claim',
      { dedup: { store: { claim: () => undefined } } },
      'subscribe.dedup.store must be a DedupStore (with claim(), renew(), commit(), release()), got an object with keys claim',
    ],
    [
      'a misspelt option',
      { retries: 3 },
      'subscribe.retries is an unknown option, known are group, concurrency, lanes, ordered, from, retry, deadlineMs, dedup, ack, watchdogMs, deadLetter, contentType, resilience',
    ],
  ])('%s', async (_, options, message) => {
    await expect(client.subscribe('a', handler, wrong(options))).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
  })

  it.each([
    [['order.created', 'order.created']],
    [['order.created', 'order.*']],
    [['order.*', '*.created']],
    [['user.#', 'order.paid', '#.paid']],
  ])('topics that overlap: %j', async (topics) => {
    await expect(client.subscribe(topics, handler)).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: `topics must be topics and patterns none of which matches what another one matches (make them subscriptions of their own), got an array of ${topics.length}`,
    })
  })

  it('topics and patterns that do not overlap are taken', async () => {
    const taken = await client.subscribe(['order.created', 'user.*', 'order.*.eu', 'invoice.#'], handler)
    await taken.stop()
  })

  it('a handler that is none', async () => {
    await expect(client.subscribe('a', wrong('log'))).rejects.toThrow("handler must be a function, got 'log'")
    await expect(client.respond('a', wrong(undefined))).rejects.toThrow('responder must be a function, got undefined')
  })

  it('patterns and groups where the broker has none', async () => {
    await using bare = new MessageClient(new Between(new MemoryServer(), { features: { patterns: false, groups: false } }))
    await expect(bare.subscribe('a.*', handler)).rejects.toMatchObject({
      code: 'COMM_UNSUPPORTED',
      message: 'cannot subscribe to a.*: memory has no patterns',
    })
    await expect(bare.subscribe('a', handler, { group: 'g' })).rejects.toMatchObject({
      message: 'cannot subscribe to a: memory has no groups',
    })
  })
})

describe('the rest', () => {
  it('requests', async () => {
    await expect(client.request('a', 1, wrong({ timeout: 5 }))).rejects.toThrow(
      'request.timeout is an unknown option, known are timeoutMs, signal, reply, key, headers, correlationId, contentType',
    )
  })

  it.each<[string, object]>([
    ['ack', { ack: 'manual' }],
    ['retry', { retry: { maxAttempts: 3 } }],
    ['deadLetter', { deadLetter: true }],
    ['from', { from: 'earliest' }],
  ])('%s of a responder', async (name, options) => {
    await expect(client.respond('a', handler, wrong(options))).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: `respond.${name} is an unknown option, known are group, concurrency, lanes, deadlineMs, dedup, contentType, resilience`,
    })
  })

  it.each(['start', 'drain', 'flush', 'close'] as const)('the signal of %s', async (method) => {
    await expect(client[method](wrong({}))).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: `${method} signal must be an AbortSignal, or nothing, got an object with keys (none)`,
    })
  })

  it('publishMany', async () => {
    await expect(client.publishMany('a', wrong('abc'))).rejects.toThrow("publishMany bodies must be an array, got 'abc'")
  })

  it('dead letters', async () => {
    expect(() => client.deadLetters('a')).toThrow(`group of the dead letters must be ${NAME}, got undefined`)
    await expect(client.deadLetters('a', 'g').list({ limit: 0 })).rejects.toThrow('list.limit must be an integer >= 1, got 0')
    await expect(client.deadLetters('a', 'g').replay(wrong({ dry: true }))).rejects.toThrow(
      'replay.dry is an unknown option, known are limit, where, dryRun, maxReplays',
    )
  })

  it('verdicts', () => {
    expect(() => retryAfter(-1)).toThrow('retryAfter(ms) must be a finite number >= 0, got -1')
    expect(() => deadLetter('')).toThrow("deadLetter(why) must be a non-empty string, got ''")
  })

  it('a backoff of the wrong shape is refused where it is made', () => {
    expect(() => exponentialBackoff(wrong({ base: 1 }))).toThrow(
      'exponentialBackoff.base is an unknown option, known are baseMs, maxMs, jitter',
    )
  })
})
