import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  AuthenticationError,
  AuthorizationError,
  BulkheadFullError,
  type CallContext,
  CircuitBreakerOpenError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  currentContext,
  type HealthReport,
  HttpStatusError,
  type Logger,
  RateLimitedError,
  ServiceUnavailableError,
  silentLogger,
  TimeoutError,
  ValidationError,
} from '@comm/core'
import { HttpClient } from '@comm/http'
import { contextHandler, contextMiddleware, type HealthSource, problemMiddleware, type ServerOptions } from '@comm/http/server'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { context, propagation, trace } from '@opentelemetry/api'
import { localServer, until } from '../support/local-server.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** The same behaviour through each of the two plain entrances. */
const ENTRANCES: readonly [
  string,
  (listener: Listener, options?: ServerOptions) => (request: IncomingMessage, response: ServerResponse) => void,
][] = [
  ['contextHandler', (listener, options) => contextHandler(listener, options)],
  [
    'contextMiddleware',
    (listener, options) => {
      const before = contextMiddleware(options)
      const after = problemMiddleware(options?.logger === undefined ? {} : { logger: options.logger })
      return (request, response) => {
        const fail = (error: unknown): void => after(error, request, response, () => undefined)
        before(request, response, (error) => {
          if (error !== undefined) return fail(error)
          Promise.resolve()
            .then(() => listener(request, response))
            .catch(fail)
        })
      }
    },
  ],
]

function recordingLogger(): Logger & { readonly lines: { message: string; fields: unknown }[] } {
  const lines: { message: string; fields: unknown }[] = []
  return { ...silentLogger, lines, error: (message, fields) => void lines.push({ message, fields }) }
}

describe.each(ENTRANCES)('%s', (_name, entrance) => {
  it('restores and echoes the correlation id', async () => {
    let seen: CallContext | undefined
    await using server = await localServer(
      entrance(async (_request, response) => {
        await Promise.resolve()
        seen = currentContext()
        response.end()
      }),
    )
    const response = await fetch(server.url, { headers: { 'X-Correlation-ID': 'abc-1' } })
    expect(response.headers.get('x-correlation-id')).toBe('abc-1')
    expect(seen).toMatchObject({ correlationId: 'abc-1' })
    expect(seen).not.toHaveProperty('deadlineAt')
  })

  it.each(['has spaces', 'x'.repeat(129), 'ü'])('makes up an id in place of %j', async (id) => {
    await using server = await localServer(entrance((_request, response) => void response.end()))
    const headers = id === 'ü' ? {} : { 'x-correlation-id': id }
    const echoed = (await fetch(server.url, { headers })).headers.get('x-correlation-id')
    expect(echoed).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('uses another header when told, and hands it on to the client', async () => {
    let forwarded: unknown
    await using upstream = await localServer((request, response) => {
      forwarded = request.headers['x-request-id']
      response.end()
    })
    await using client = new HttpClient({ baseUrl: upstream.url })
    await using server = await localServer(
      entrance(
        async (_request, response) => {
          await client.get('/')
          response.end()
        },
        { correlationHeader: 'X-Request-ID' },
      ),
    )
    const response = await fetch(server.url, { headers: { 'x-request-id': 'r1' } })
    expect(response.headers.get('x-request-id')).toBe('r1')
    expect(forwarded).toBe('r1')
  })

  it('restores the deadline, and refuses a request that has none of its time left', async () => {
    const clock = new TestClock()
    const seen: (number | undefined)[] = []
    await using server = await localServer(
      entrance(
        (_request, response) => {
          seen.push(currentContext()?.deadlineAt)
          response.end()
        },
        { clock },
      ),
    )
    for (const header of ['1500', '-1', '1e3', 'soon', '99999999999'])
      await fetch(server.url, { headers: { 'x-request-timeout-ms': header } })
    expect(seen).toEqual([1500, undefined, undefined, undefined, undefined])
    const refused = await fetch(server.url, { headers: { 'x-request-timeout-ms': '0' } })
    expect(refused.status).toBe(504)
    expect(await refused.json()).toMatchObject({ code: 'COMM_DEADLINE_EXCEEDED' })
    expect(seen).toHaveLength(5)
  })

  it('aborts the signal of the context when the client goes away, and not when it was answered', async () => {
    const signals: AbortSignal[] = []
    await using server = await localServer(
      entrance((request, response) => {
        signals.push(currentContext()?.signal as AbortSignal)
        if (request.url === '/fast') response.end()
      }),
    )
    await (await fetch(`${server.url}/fast`)).arrayBuffer()
    const controller = new AbortController()
    const failure = fetch(`${server.url}/slow?token=s3cret`, { signal: controller.signal }).catch(() => undefined)
    await until(() => signals.length === 2)
    controller.abort()
    await failure
    await until(() => signals[1]?.aborted === true)
    expect(signals[1]?.reason).toMatchObject({
      code: 'COMM_ABORTED',
      message: 'the client went away before GET /slow was answered',
    })
    expect(signals[0]?.aborted).toBe(false)
  })

  it('continues the trace of the caller', async () => {
    const parent = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }
    const carried: string[] = []
    propagation.setGlobalPropagator({
      fields: () => ['traceparent'],
      inject: () => undefined,
      extract(from, carrier, getter) {
        carried.push(String(getter.get(carrier, 'traceparent')))
        return trace.setSpanContext(from, parent)
      },
    })
    await using server = await localServer(entrance((_request, response) => void response.end()))
    await fetch(server.url, { headers: { traceparent: `00-${parent.traceId}-${parent.spanId}-01` } })
    propagation.disable()
    context.disable()
    expect(carried).toEqual([`00-${parent.traceId}-${parent.spanId}-01`])
  })

  it('drops what the handler had said of an answer that it did not give', async () => {
    await using server = await localServer(
      entrance((_request, response) => {
        const said = { 'content-length': '9999', 'content-encoding': 'gzip', etag: '"1"', 'x-own': 'stays' }
        for (const [name, value] of Object.entries(said)) response.setHeader(name, value)
        throw new Error('no')
      }),
    )
    const answer = await fetch(server.url)
    expect(await answer.json()).toMatchObject({ status: 500 })
    expect([answer.headers.get('etag'), answer.headers.get('x-own')]).toEqual([null, 'stays'])
  })

  it.each<[unknown, number, object]>([
    [
      new ValidationError('id must be a number', { details: { issues: [{ path: 'id' }] } }),
      400,
      { detail: 'id must be a number', issues: [{ path: 'id' }] },
    ],
    [
      new ValidationError('the JSON of db01', { details: { issues: [{ path: 'db01' }], url: 'http://db01/' } }),
      502,
      { code: 'COMM_VALIDATION' },
    ],
    [new AuthenticationError('key k-123 of db01 was refused'), 401, { code: 'COMM_AUTHENTICATION' }],
    [new AuthenticationError('no token of db01', { details: { target: 'db01' } }), 502, { code: 'COMM_AUTHENTICATION' }],
    [new AuthorizationError('alice may not do this on db01'), 403, { code: 'COMM_AUTHORIZATION' }],
    [new RateLimitedError('bucket db01 is empty', { details: { retryAfterMs: 1200 } }), 429, { code: 'COMM_RATE_LIMITED' }],
    [new HttpStatusError('GET http://db01/ was answered 404', { status: 404 }), 502, { code: 'COMM_HTTP_STATUS' }],
    [new ConnectionError('could not connect to db01'), 502, { code: 'COMM_CONNECTION' }],
    [
      new CircuitBreakerOpenError('the breaker of db01 is open', { details: { retryAfterMs: 900 } }),
      503,
      { code: 'COMM_BREAKER_OPEN' },
    ],
    [new ServiceUnavailableError('no instance of db01'), 503, { code: 'COMM_SERVICE_UNAVAILABLE' }],
    [new BulkheadFullError('100 calls to db01'), 503, { code: 'COMM_BULKHEAD_FULL' }],
    [new TimeoutError('db01 was slow'), 504, { code: 'COMM_TIMEOUT' }],
    [new ConfigurationError('db01.password must be set'), 500, {}],
    [new CommunicationError('db01'), 500, {}],
    [new Error('connect ECONNREFUSED db01'), 500, {}],
    ['db01', 500, {}],
    [null, 500, {}],
    [Object.assign(new Error('no such order'), { statusCode: 404 }), 404, { detail: 'no such order' }],
    [Object.assign(new Error('db01'), { statusCode: 404, expose: false }), 404, {}],
    [Object.assign(new Error('db01'), { statusCode: 503 }), 503, {}],
    [Object.assign(new Error('db01'), { statusCode: 42 }), 500, {}],
  ])('answers %s with %d', async (error, status, members) => {
    const logger = recordingLogger()
    await using server = await localServer(
      entrance(
        () => {
          throw error
        },
        { logger },
      ),
    )
    const response = await fetch(`${server.url}/orders?token=s3cret`, { method: 'POST', headers: { 'x-correlation-id': 'c1' } })
    const text = await response.text()
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(JSON.parse(text)).toMatchObject({ type: 'about:blank', status, correlationId: 'c1', ...members })
    expect(text).not.toContain('db01')
    if (status === 429) expect(response.headers.get('retry-after')).toBe('2')
    if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer')
    if (error instanceof CircuitBreakerOpenError) expect(response.headers.get('retry-after')).toBe('1')
    expect(logger.lines).toEqual(status >= 500 ? [{ message: 'POST /orders failed', fields: { error, status } }] : [])
  })

  it('cuts off an answer that fails after it has begun', async () => {
    await using server = await localServer(
      entrance(async (_request, response) => {
        response.writeHead(200, { 'content-length': '100' })
        await new Promise<void>((resolve) => response.write('part', () => resolve()))
        throw new Error('halfway')
      }),
    )
    const response = await fetch(server.url)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('health and readiness', () => {
  const report: HealthReport = {
    isHealthy: true,
    components: { broker: { status: 'up' }, cache: { status: 'degraded', reason: 'slow', details: { host: 'db01' } } },
  }
  const source = (change: Partial<HealthSource> = {}): HealthSource => ({
    isReady: true,
    healthCheck: () => Promise.resolve(report),
    ...change,
  })
  const app: Listener = (_request, response) => void response.end('app')

  it('are answered from the source, without details', async () => {
    await using server = await localServer(contextHandler(app, { health: source() }))
    const health = await fetch(`${server.url}/health?verbose=1`)
    expect([health.status, await health.json()]).toEqual([
      200,
      { status: 'up', components: { broker: { status: 'up' }, cache: { status: 'degraded', reason: 'slow' } } },
    ])
    expect(health.headers.get('cache-control')).toBe('no-store')
    const ready = await fetch(`${server.url}/ready`)
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }])
    const head = await fetch(`${server.url}/health`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('are 503 when a component is down, and while the service starts or stops', async () => {
    const down = { isHealthy: false, components: { broker: { status: 'down', reason: 'gone' } } } as const
    await using server = await localServer(
      contextHandler(app, { health: source({ isReady: false, healthCheck: () => Promise.resolve(down) }) }),
    )
    const health = await fetch(`${server.url}/health`)
    expect([health.status, await health.json()]).toEqual([
      503,
      { status: 'down', components: { broker: { status: 'down', reason: 'gone' } } },
    ])
    expect((await fetch(`${server.url}/ready`)).status).toBe(503)
  })

  it('are 503 when the source itself fails, which is logged', async () => {
    const logger = recordingLogger()
    const broken = source({ healthCheck: () => Promise.reject(new Error('db01')) })
    await using server = await localServer(contextHandler(app, { health: broken, logger }))
    const health = await fetch(`${server.url}/health`)
    expect([health.status, await health.text()]).toEqual([503, '{"status":"down"}'])
    expect(logger.lines).toHaveLength(1)
  })

  it('have paths that can be changed, and leave other methods and paths to the application', async () => {
    await using server = await localServer(contextHandler(app, { health: source(), healthPath: '/internal/health' }))
    const texts = ['/health', '/internal/health'].map(async (path) => (await fetch(server.url + path)).text())
    expect(await Promise.all(texts)).toEqual(['app', expect.stringContaining('"status":"up"')])
    expect(await (await fetch(`${server.url}/internal/health`, { method: 'POST' })).text()).toBe('app')
    await using without = await localServer(contextHandler(app))
    expect(await (await fetch(`${without.url}/ready`)).text()).toBe('app')
  })
})
