import {
  BulkheadFullError,
  CircuitBreakerOpenError,
  constantBackoff,
  HttpStatusError,
  RateLimitedError,
  type RetryEvent,
  retryBudget,
  ServiceUnavailableError,
} from '@comm/core'
import { EnhancedHttpClient, type EnhancedHttpClientOptions } from '@comm/http'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { bodyOf, failureOf, type LocalServer, localServer } from './support/local-server.ts'

interface Flaky extends LocalServer {
  /** How often each method was called. */
  readonly calls: string[]
}

/** Answers with these statuses in turn, and then with the last one for ever. `0` resets the connection, `-1` never answers. */
async function answering(...statuses: readonly number[]): Promise<Flaky> {
  const calls: string[] = []
  const server = await localServer((request, response) => {
    void bodyOf(request).then((body) => {
      const status = statuses[Math.min(calls.length, statuses.length - 1)] ?? 200
      calls.push(`${request.method} ${body}`.trim())
      if (status === 0) request.socket.resetAndDestroy()
      else if (status > 0) response.writeHead(status, { 'content-type': 'text/plain' }).end(`answer ${calls.length}`)
    })
  })
  return Object.assign(server, { calls })
}

const SOON = { backoff: constantBackoff({ baseMs: 1, jitter: 0 }) }

function clientOf(server: LocalServer, options: EnhancedHttpClientOptions = {}): EnhancedHttpClient {
  return new EnhancedHttpClient({ baseUrl: server.url, retry: SOON, ...options })
}

describe('retry', () => {
  it.each([408, 429, 502, 503, 504, 0])('tries a GET again after %d', async (status) => {
    await using server = await answering(status, status, 200)
    await using client = clientOf(server)
    const response = await client.get('/')
    expect(response.text()).toBe('answer 3')
    expect(response.attempts).toBe(3)
  })

  it.each([400, 401, 403, 404, 409, 422, 500, 501])('does not try %d again', async (status) => {
    await using server = await answering(status)
    await using client = clientOf(server)
    expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_HTTP_STATUS', status, details: { attempts: 1 } })
    expect(server.calls).toHaveLength(1)
  })

  it.each(['put', 'delete', 'head'] as const)('tries %s() again: it is idempotent', async (method) => {
    await using server = await answering(503, 200)
    await using client = clientOf(server)
    expect((await client[method]('/')).attempts).toBe(2)
  })

  it.each(['post', 'patch'] as const)('does not try %s() again, unless it carries an Idempotency-Key', async (method) => {
    await using server = await answering(503, 503, 200)
    await using client = clientOf(server)
    expect(await failureOf(client[method]('/', { json: 1 }))).toBeInstanceOf(ServiceUnavailableError)
    const response = await client[method]('/', { json: 2, headers: { 'Idempotency-Key': 'k' } })
    expect(response.attempts).toBe(2)
    expect(server.calls.map((call) => call.split(' ')[1])).toEqual(['1', '2', '2'])
  })

  it('tries a POST again that never reached anybody', async () => {
    const server = await answering(200)
    await server[Symbol.asyncDispose]()
    const retries: RetryEvent[] = []
    await using client = clientOf(server, { retry: { ...SOON, maxRetries: 2, onRetry: (event) => retries.push(event) } })
    const error = await failureOf(client.post('/'))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect(error).toMatchObject({ details: { sent: 'no' }, cause: { code: 'COMM_CONNECTION' } })
    expect(retries.map(({ retry }) => retry)).toEqual([1, 2])
  })

  it('does not try a request again whose body is a stream that has been sent', async () => {
    await using server = await answering(503, 200)
    await using client = clientOf(server)
    const once = (async function* () {
      yield Buffer.from('once')
    })()
    expect(await failureOf(client.put('/', { body: once }))).toBeInstanceOf(ServiceUnavailableError)
    expect(server.calls).toEqual(['PUT once'])
  })

  it('waits as long as Retry-After asks, and gives up at once when that is too long', async () => {
    let calls = 0
    await using server = await localServer((_request, response) => {
      calls++
      response.writeHead(calls === 1 ? 503 : 200, { 'retry-after': '7' }).end()
    })
    const waits: number[] = []
    await using patient = clientOf(server, {
      clock: new TestClock(),
      retry: { ...SOON, onRetry: ({ afterMs }) => waits.push(afterMs) },
    })
    const controller = new AbortController()
    const pending = failureOf(patient.get('/', { signal: controller.signal }))
    while (waits.length === 0) await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await pending
    expect(waits).toEqual([7000])
    calls = 0
    await using hurried = clientOf(server, { retry: { ...SOON, maxHintMs: 6999 } })
    expect(await failureOf(hurried.get('/'))).toBeInstanceOf(ServiceUnavailableError)
    expect(calls).toBe(1)
  })

  it('never sleeps past the total limit', async () => {
    await using server = await answering(503)
    await using client = clientOf(server, {
      retry: { backoff: constantBackoff({ baseMs: 60_000, jitter: 0 }) },
      timeout: { totalMs: 5000 },
    })
    const begunAt = performance.now()
    expect(await failureOf(client.get('/'))).toBeInstanceOf(ServiceUnavailableError)
    expect(performance.now() - begunAt).toBeLessThan(4000)
    expect(server.calls).toHaveLength(1)
  })

  it('stops a storm with a budget', async () => {
    await using server = await answering(503)
    await using client = clientOf(server, {
      circuitBreaker: false,
      retry: { ...SOON, maxRetries: 10, budget: retryBudget({ ratio: 0, minPerSecond: 0 }) },
    })
    await failureOf(client.get('/'))
    expect(server.calls).toHaveLength(1)
  })

  it('tries again after an attempt that took too long', async () => {
    await using server = await answering(-1, 200)
    await using client = clientOf(server, { timeout: { attemptMs: 3000 } })
    expect((await client.get('/')).attempts).toBe(2)
  })
})

describe('circuit breaker', () => {
  const SENSITIVE = { consecutiveFailures: 3 }

  it('opens after failures, refuses calls, probes, and closes again', async () => {
    const clock = new TestClock()
    await using server = await answering(500, 500, 500, 200)
    await using client = clientOf(server, { clock, circuitBreaker: { ...SENSITIVE, openMs: 1000 } })
    for (let call = 0; call < 3; call++) expect(await failureOf(client.get('/'))).toBeInstanceOf(HttpStatusError)
    const error = await failureOf(client.get('/'))
    expect(error).toBeInstanceOf(CircuitBreakerOpenError)
    expect(String(error)).toContain(`the circuit breaker of ${server.url}/ is open for another 1000 ms`)
    expect(server.calls).toHaveLength(3)
    expect(client.circuitBreaker?.state).toBe('open')
    await clock.advance(1000)
    expect((await client.get('/')).status).toBe(200)
    expect(client.circuitBreaker?.state).toBe('closed')
  })

  it.each([400, 404, 408, 429])('does not count %d', async (status) => {
    await using server = await answering(status)
    await using client = clientOf(server, { retry: false, circuitBreaker: SENSITIVE })
    for (let call = 0; call < 10; call++) await failureOf(client.get('/'))
    expect(client.circuitBreaker?.state).toBe('closed')
  })

  it('does not count the caller’s abort', async () => {
    await using server = await answering(-1)
    await using client = clientOf(server, { circuitBreaker: SENSITIVE })
    for (let call = 0; call < 10; call++) {
      const controller = new AbortController()
      const failure = failureOf(client.get('/', { signal: controller.signal }))
      while (server.calls.length === call) await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      expect(await failure).toMatchObject({ code: 'COMM_ABORTED' })
    }
    expect(client.circuitBreaker?.state).toBe('closed')
  })

  it.each<[string, number]>([
    ['connections that break', 0],
    ['attempts that take too long', -1],
  ])('counts %s', async (_what, status) => {
    await using server = await answering(status)
    await using client = clientOf(server, { retry: false, circuitBreaker: SENSITIVE, timeout: { attemptMs: 20 } })
    for (let call = 0; call < 3; call++) await failureOf(client.get('/'))
    expect(await failureOf(client.get('/'))).toBeInstanceOf(CircuitBreakerOpenError)
  })
})

describe('the other policies', () => {
  it('bulkhead refuses what is above limit and queue', async () => {
    await using server = await answering(-1)
    await using client = clientOf(server, { cache: false, bulkhead: { limit: 1, maxQueue: 1 } })
    const controller = new AbortController()
    const waiting = [0, 1].map(() => failureOf(client.get('/', { signal: controller.signal })))
    expect(await failureOf(client.get('/'))).toBeInstanceOf(BulkheadFullError)
    controller.abort()
    await Promise.all(waiting)
  })

  it('rateLimit refuses what is too fast', async () => {
    await using server = await answering(200)
    await using client = clientOf(server, { clock: new TestClock(), rateLimit: { perSecond: 2 } })
    await client.get('/')
    await client.get('/')
    expect(await failureOf(client.get('/'))).toBeInstanceOf(RateLimitedError)
  })

  it('fallback answers in place of a failure, also of an open breaker, for json and for a stream', async () => {
    await using server = await answering(500)
    await using client = clientOf(server, {
      circuitBreaker: { consecutiveFailures: 1 },
      fallback: (_error, request) => ({ json: { cached: request.url.pathname }, headers: { 'x-from': 'fallback' } }),
    })
    for (let call = 0; call < 2; call++) {
      const response = await client.get('/x')
      expect(response.json()).toEqual({ cached: '/x' })
      expect(response.headers).toMatchObject({ 'x-from': 'fallback', 'content-type': 'application/json' })
    }
    await using streamed = await client.stream('GET', '/y')
    expect(Buffer.concat(await streamed.body.toArray()).toString()).toBe('{"cached":"/y"}')
    expect(client.circuitBreaker?.state).toBe('open')
  })

  it('throwHttpErrors: false gives the last answer, a 503 included', async () => {
    await using server = await answering(503)
    await using client = clientOf(server, { throwHttpErrors: false })
    const response = await client.get('/')
    expect([response.status, response.attempts, response.text()]).toEqual([503, 4, 'answer 4'])
  })

  it('are all on by default, in this order, and each can be turned off', () => {
    const names = (client: EnhancedHttpClient): string[] =>
      client
        .describe()
        .split('\n')
        .map((line) => line.split(' (', 1)[0] ?? '')
    expect(names(new EnhancedHttpClient())).toEqual([
      'total timeout',
      'service unavailable',
      'cache',
      'retry',
      'breaker',
      'bulkhead',
      'attempt timeout',
    ])
    const bare = new EnhancedHttpClient({
      retry: false,
      circuitBreaker: false,
      bulkhead: false,
      timeout: false,
      rateLimit: false,
      cache: false,
    })
    expect(names(bare)).toEqual(['total timeout', 'service unavailable', 'attempt timeout'])
    expect(bare.circuitBreaker).toBeUndefined()
  })

  it('leave no timer behind', async () => {
    const clock = new TestClock()
    await using server = await answering(200, 404, 0, 200)
    await using client = clientOf(server, { clock, retry: { backoff: constantBackoff({ baseMs: 0, jitter: 0 }) } })
    await client.get('/')
    await failureOf(client.get('/'))
    await client.get('/')
    // Calls share timers, which go in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    expect(clock.pendingTimers).toBe(0)
  })
})
