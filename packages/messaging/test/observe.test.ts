import { AsyncLocalStorage } from 'node:async_hooks'
import { constantBackoff, currentContext, type LogFields, type Logger, silentLogger, withContext } from '@comm/core'
import { MemoryBroker, MemoryServer } from '@comm/messaging'
import { handlerSpy, waitFor } from '@comm/testkit'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  type Attributes,
  type Context,
  type ContextManager,
  context,
  createNoopMeter,
  type Meter,
  metrics,
  type ObservableCallback,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type TextMapPropagator,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A span that remembers what it was told; the least that an SDK would do. */
interface SeenSpan {
  readonly name: string
  readonly kind: number | undefined
  readonly parent: string | undefined
  readonly id: string
  readonly attributes: Attributes
  status: number
  isEnded: boolean
}

const spans: SeenSpan[] = []
const measured: { name: string; value: number; attributes: Attributes }[] = []

function startSpan(name: string, options: SpanOptions = {}, parent: Context = context.active()): Span {
  const id = String(spans.length + 1).padStart(16, '0')
  const seen: SeenSpan = {
    name,
    kind: options.kind,
    parent: trace.getSpanContext(parent)?.spanId,
    id,
    attributes: { ...options.attributes },
    status: 0,
    isEnded: false,
  }
  spans.push(seen)
  const span: Span = {
    spanContext: () => ({ traceId: 'a'.repeat(32), spanId: id, traceFlags: TraceFlags.SAMPLED }),
    isRecording: () => true,
    setAttribute(key, value) {
      seen.attributes[key] = value
      return span
    },
    setAttributes(attributes) {
      Object.assign(seen.attributes, attributes)
      return span
    },
    setStatus({ code }) {
      seen.status = code
      return span
    },
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    updateName: () => span,
    recordException: () => undefined,
    end: () => {
      seen.isEnded = true
    },
  }
  return span
}

const tracer: Tracer = {
  startSpan,
  startActiveSpan: (): never => {
    throw new Error('not used')
  },
}

const record =
  (name: string) =>
  (value: number, attributes: Attributes = {}) =>
    void measured.push({ name, value, attributes })
const gauges = new Map<string, ObservableCallback>()

/** What a gauge says when it is asked. */
async function observed(name: string): Promise<[number, Attributes | undefined][]> {
  const seen: [number, Attributes | undefined][] = []
  await gauges.get(name)?.({ observe: (value, attributes) => void seen.push([value, attributes]) })
  return seen
}

const meter: Meter = Object.assign(Object.create(createNoopMeter()), {
  createCounter: (name: string) => ({ add: record(name) }),
  createUpDownCounter: (name: string) => ({ add: record(name) }),
  createHistogram: (name: string) => ({ record: record(name) }),
  createObservableGauge: (name: string) => ({
    addCallback: (callback: ObservableCallback) => gauges.set(name, callback),
  }),
})

const w3c: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject(from, carrier, setter) {
    const span = trace.getSpanContext(from)
    if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`)
  },
  extract(into, carrier, getter) {
    const [, traceId, spanId] = String(getter.get(carrier, 'traceparent') ?? '').split('-')
    if (traceId === undefined || spanId === undefined) return into
    return trace.setSpanContext(into, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true })
  },
}

const storage = new AsyncLocalStorage<Context>()
const contextManager: ContextManager = {
  active: () => storage.getStore() ?? ROOT_CONTEXT,
  with: (active, fn, self, ...given) => storage.run(active, () => fn.apply(self as never, given)),
  bind: (_, target) => target,
  enable: () => contextManager,
  disable: () => contextManager,
}

describe('without an SDK', () => {
  it('publishes and handles, and sends no trace', async () => {
    await using client = new MemoryBroker()
    const spy = handlerSpy<[body: unknown, meta: { headers: object }]>()
    await client.subscribe('a', spy, { group: 'g' })
    await client.publish('a', 1)
    await spy.called(1)
    expect(spy.calls[0]?.[1].headers).not.toHaveProperty('traceparent')
  })
})

describe('with an SDK that starts later', () => {
  let client: MemoryBroker

  beforeAll(() => {
    client = new MemoryBroker()
    context.setGlobalContextManager(contextManager)
    propagation.setGlobalPropagator(w3c)
    trace.setGlobalTracerProvider({ getTracer: () => tracer })
    metrics.setGlobalMeterProvider({ getMeter: () => meter })
  })

  afterAll(async () => {
    await client.close()
    for (const api of [context, propagation, trace, metrics]) api.disable()
  })

  it('a publish, its handling and what the handler publishes are one trace', async () => {
    const spy = handlerSpy<[body: unknown]>()
    await client.subscribe('second', spy, { group: 'g' })
    await client.subscribe('first', () => client.publish('second', 2), { group: 'g' })
    await client.publish('first', 1)
    await spy.called(1)
    await waitFor(() => spans.length === 4 && spans.every(({ isEnded }) => isEnded))
    const [sent, processed, sentOn, processedLast] = spans
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ['send first', 3],
      ['process first', 4],
      ['send second', 3],
      ['process second', 4],
    ])
    expect([processed?.parent, sentOn?.parent, processedLast?.parent]).toEqual([sent?.id, processed?.id, sentOn?.id])
    expect(sent?.attributes).toEqual({
      'messaging.system': 'memory',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'first',
    })
    expect(processed?.attributes).toMatchObject({
      'messaging.system': 'memory',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'first',
      'messaging.consumer.group.name': 'g',
      'messaging.message.id': expect.any(String),
      'comm.messaging.outcome': 'handled',
    })
  })

  it('counts and times, and marks what failed', async () => {
    measured.length = 0
    spans.length = 0
    const spy = handlerSpy<[body: unknown]>().fails(1, new TypeError('broken'))
    await client.subscribe('failing', spy, { group: 'g', retry: { maxAttempts: 1 } })
    await client.publish('failing', 1)
    await waitFor(() => client.stats.dead === 1 && client.stats.inFlight === 0)
    await expect(client.publish('nobody', 1)).rejects.toMatchObject({ code: 'COMM_UNROUTABLE' })
    const sums = new Map<string, number>()
    for (const { name, value } of measured) sums.set(name, (sums.get(name) ?? 0) + (name.endsWith('duration') ? 1 : value))
    expect(Object.fromEntries(sums)).toEqual({
      'messaging.client.sent.messages': 2,
      'messaging.client.operation.duration': 2,
      'messaging.client.consumed.messages': 1,
      'messaging.process.duration': 1,
      'comm.messaging.in_flight': 0,
      'comm.messaging.dead': 1,
    })
    const errors = measured
      .map(({ name, attributes }) => [name, attributes['error.type']])
      .filter(([, type]) => type !== undefined)
    expect(errors).toEqual([
      ['messaging.process.duration', 'COMM_UNKNOWN'],
      ['messaging.client.sent.messages', 'COMM_UNROUTABLE'],
      ['messaging.client.operation.duration', 'COMM_UNROUTABLE'],
    ])
    expect(spans.filter(({ status }) => status === 2).map(({ name }) => name)).toEqual(['process failing', 'send nobody'])
  })
})

describe('metrics', () => {
  beforeAll(() => {
    metrics.setGlobalMeterProvider({ getMeter: () => meter })
  })

  afterAll(() => metrics.disable())

  it('the lag of a group is asked for when it is collected, while it is subscribed', async () => {
    await using client = new MemoryBroker()
    const held = Promise.withResolvers<void>()
    const subscription = await client.subscribe('lagging', () => held.promise, { group: 'g', concurrency: 1 })
    await client.publishMany('lagging', [1, 2, 3])
    const lagging = async (): Promise<unknown[]> =>
      (await observed('comm.messaging.lag')).filter(([, to]) => to?.['messaging.destination.name'] === 'lagging')
    expect(await lagging()).toEqual([
      [3, expect.objectContaining({ 'messaging.system': 'memory', 'messaging.consumer.group.name': 'g' })],
    ])
    held.resolve()
    await subscription.stop()
    expect(await lagging()).toEqual([])
  })

  it('counts retries in process, and what is dropped as dropped', async () => {
    measured.length = 0
    await using client = new MemoryBroker()
    const handler = (): never => {
      throw new Error('broken')
    }
    const retry = { maxAttempts: 3, inOrder: true, backoff: constantBackoff({ baseMs: 0, jitter: 0 }) }
    await client.subscribe('dropping', handler, { group: 'g', retry, deadLetter: false })
    await client.publish('dropping', 1)
    await waitFor(() => client.stats.dropped === 1 && client.stats.inFlight === 0)
    const names = measured
      .map(({ name }) => name)
      .filter((name) => name.startsWith('comm.messaging.') && !name.endsWith('in_flight'))
    expect(names).toEqual(['comm.messaging.retried', 'comm.messaging.retried', 'comm.messaging.dropped'])
    expect(client.stats).toMatchObject({ retried: 2, dead: 0 })
  })
})

describe('contexts', () => {
  it('a handler runs in the context of its message, whoever subscribed or published', async () => {
    const caller = new AsyncLocalStorage<string>()
    const server = new MemoryServer()
    await using client = new MemoryBroker({ server })
    const seen: unknown[] = []
    const handler = (): void => void seen.push([currentContext()?.correlationId, caller.getStore()])
    await caller.run('subscriber', () =>
      withContext({ correlationId: 'subscriber' }, () => client.subscribe('a', handler, { group: 'g' })),
    )
    await caller.run('publisher', () => withContext({ correlationId: 'publisher' }, () => client.publish('a', 1)))
    await waitFor(() => seen.length === 1)
    expect(seen).toEqual([['publisher', undefined]])
  })

  it('the log lines of the pipeline carry the correlation id of the message', async () => {
    const lines: [string, string | undefined][] = []
    const note = (message: string, _fields?: LogFields): void => void lines.push([message, currentContext()?.correlationId])
    const logger: Logger = { ...silentLogger, warn: note, error: note, isEnabled: () => true }
    await using client = new MemoryBroker({ logger })
    const spy = handlerSpy<[body: unknown]>().fails(1)
    await client.subscribe('a', spy, { group: 'g', retry: { maxAttempts: 1 } })
    await client.publish('a', 1, { id: 'message-1', correlationId: 'order-7' })
    await waitFor(() => lines.length === 1)
    expect(lines).toEqual([['message message-1 of a is dead: attempts', 'order-7']])
  })
})
