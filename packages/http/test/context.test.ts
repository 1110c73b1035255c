import { runInContext, withContext, withDeadline } from '@comm/core'
import { HttpClient } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { context, propagation, type TextMapPropagator, TraceFlags, trace } from '@opentelemetry/api'
import { type Echoed, echo, failureOf, localServer } from './support/local-server.ts'

async function headersSeen(client: HttpClient, headers: Record<string, string> = {}): Promise<Echoed['headers']> {
  return (await client.get('/', { headers })).json<Echoed>().headers
}

describe('the call context', () => {
  it('sends its correlation id by itself, in the header it came in with', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url })
    await using named = new HttpClient({ baseUrl: server.url, correlationHeader: 'X-Trace' })
    await withContext({ correlationId: 'abc' }, async () => {
      expect(await headersSeen(client)).toMatchObject({ 'x-correlation-id': 'abc' })
      expect(await headersSeen(named)).toMatchObject({ 'x-trace': 'abc' })
      expect(await headersSeen(client, { 'X-Correlation-ID': 'by hand' })).toMatchObject({ 'x-correlation-id': 'by hand' })
    })
    await withContext({ correlationId: 'abc', correlationHeader: 'X-Request-ID' }, async () => {
      expect(await headersSeen(client)).toMatchObject({ 'x-request-id': 'abc' })
    })
    expect(await headersSeen(client)).not.toHaveProperty('x-correlation-id')
  })

  it('says how much time is left: of the deadline, or of the total limit when that is shorter', async () => {
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url, timeout: { totalMs: 30_000 } })
    await using unlimited = new HttpClient({ baseUrl: server.url, timeout: { totalMs: Number.POSITIVE_INFINITY } })
    const left = async (by: HttpClient): Promise<number> => Number((await headersSeen(by))['x-request-timeout-ms'])
    const short = await withDeadline(20_000, () => left(client))
    expect(short).toBeGreaterThan(0)
    expect(short).toBeLessThanOrEqual(20_000)
    const total = await withDeadline(60_000, () => left(client))
    expect(total).toBeGreaterThan(20_000)
    expect(total).toBeLessThanOrEqual(30_000)
    expect(await headersSeen(unlimited)).not.toHaveProperty('x-request-timeout-ms')
  })

  it('ends a call at its deadline, and refuses one after it without a request', async () => {
    let requests = 0
    await using server = await localServer(() => requests++)
    await using client = new HttpClient({ baseUrl: server.url })
    const error = await withDeadline(30, () => failureOf(client.get('/x')))
    expect(error).toMatchObject({
      code: 'COMM_DEADLINE_EXCEEDED',
      message: `GET ${server.url}/x was given up: the deadline of the request that caused this call has passed`,
      details: { limit: 'deadline' },
    })
    expect(requests).toBe(1)
    expect(await withDeadline(0, () => failureOf(client.get('/x')))).toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED' })
    expect(requests).toBe(1)
  })

  it('ends a call when the caller of this service goes away', async () => {
    const arrived = Promise.withResolvers<void>()
    await using server = await localServer(() => arrived.resolve())
    await using client = new HttpClient({ baseUrl: server.url })
    const controller = new AbortController()
    const failure = runInContext({ correlationId: 'a', signal: controller.signal }, () => failureOf(client.get('/')))
    await arrived.promise
    controller.abort()
    expect(await failure).toMatchObject({ code: 'COMM_ABORTED' })
  })

  it('sends the trace context of the active span through the registered propagator', async () => {
    const propagator: TextMapPropagator = {
      fields: () => ['traceparent'],
      extract: (from) => from,
      inject(from, carrier, setter) {
        const span = trace.getSpanContext(from)
        if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`)
      },
    }
    propagation.setGlobalPropagator(propagator)
    const spanContext = {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      traceFlags: TraceFlags.SAMPLED,
    }
    const active = trace.setSpanContext(context.active(), spanContext)
    context.setGlobalContextManager({
      active: () => active,
      with: (_context, fn, self, ...args) => fn.apply(self as never, args),
      bind: (_context, target) => target,
      enable() {
        return this
      },
      disable() {
        return this
      },
    })
    await using server = await localServer(echo)
    await using client = new HttpClient({ baseUrl: server.url })
    const { traceparent } = await headersSeen(client)
    context.disable()
    propagation.disable()
    expect(traceparent).toBe('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01')
  })
})
