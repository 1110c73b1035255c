import { connect } from 'node:net'
import { ConfigurationError } from '@comm/core'
import { createGateway, type GatewayOptions, parseGatewayConfig } from '@comm/gateway'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { echo, gatewayFor, service } from './support/services.ts'

const RUNS = 10_000
const AT_ONCE = 40

/** Pieces of requests, right and wrong. */
const piece = fc.oneof(
  fc.constantFrom(
    'GET ',
    'POST ',
    'OPTIONS ',
    'CONNECT ',
    '/api/v1/users',
    '/api/v1/users/../x',
    'http://a/b',
    '*',
    ' HTTP/1.1',
    ' HTTP/1.0',
    ' HTTP/2.0',
    '\r\n',
    '\n',
    '\r',
    '\0',
    ': ',
    'Host: a',
    'Host: a\r\n',
    'Content-Length: 5',
    'Content-Length: 99999999999999999999',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip',
    'Connection: close',
    'Connection: upgrade',
    'Upgrade: websocket',
    'Expect: 100-continue',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    'ffffffffffffffff\r\n',
    ' folded',
    '\t',
    '%zz',
    '%00',
    '?a=b',
    '#x',
    'X-A: b',
    'Trailer: X-A\r\n',
    'TE: trailers\r\n',
    'Transfer-Encoding: chunked\r\n\r\n',
    '0\r\nX-A: b\r\nContent-Length: 5\r\n\r\n',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const malformed = fc.array(piece, { minLength: 1, maxLength: 14 }).map((pieces) => `${pieces.join('')}\r\n\r\n`)

/** Writes it, closes its side, and waits until the other side is closed too. */
function send(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`no end after ${JSON.stringify(bytes)}`)), 25_000)
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(bytes, 'latin1')))
    socket.setEncoding('latin1')
    socket.on('data', (some: string) => {
      text += some
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(limit)
      resolve(text)
    })
  })
}

describe('generated nonsense', () => {
  it(`${RUNS} requests: every connection ends, every answer is one, and the gateway goes on`, async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { 'user-service': users.url } })
    const port = Number(new URL(gateway.url).port)
    const requests = fc.sample(malformed, { numRuns: RUNS, seed: 9 })
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < requests.length) {
        const answered = await send(port, requests[next++] as string)
        if (answered !== '') expect(answered).toMatch(/^HTTP\/1\.1 [1-5]\d\d /)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    expect((await fetch(`${gateway.url}/api/v1/users`)).status).toBe(200)
  }, 300_000)

  it(`${RUNS} route tables: made or refused by a ConfigurationError that says why`, () => {
    const segment = fc.constantFrom('a', 'b', ':id', ':name', '*', '', '..', 'a*', ':', 'a:b', '%41', ' ')
    const path = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`)
    const route = fc.record(
      { path, rewrite: path, methods: fc.array(fc.constantFrom('GET', 'get', 'X Y', 'POST')) },
      { requiredKeys: ['path'] },
    )
    let made = 0
    fc.assert(
      fc.property(fc.array(route, { maxLength: 8 }), (routes) => {
        try {
          const gateway = createGateway({
            port: 0,
            services: { a: { url: 'http://a', path: false } },
            routes: routes.map((each) => ({ ...each, service: 'a' })),
          })
          gateway.describe()
          made++
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigurationError)
          expect((error as ConfigurationError).problems.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: RUNS, seed: 9 },
    )
    expect(made).toBeGreaterThan(100)
  }, 300_000)

  it(`${RUNS} configurations: made or refused by a ConfigurationError`, () => {
    const keys = [
      'url',
      'instances',
      'retry',
      'breaker',
      'bulkhead',
      'timeouts',
      'healthCheck',
      'balancing',
      'tls',
      'tlsName',
      'protocol',
      'connections',
      'path',
      'outlierDetection',
      'concurrencyLimit',
      'failureStatuses',
    ]
    const routeKeys = [
      'path',
      'service',
      'to',
      'cors',
      'rateLimit',
      'validate',
      'transform',
      'mirror',
      'aggregate',
      'cache',
      'fallback',
      'timeouts',
      'headers',
      'hosts',
      'rewrite',
      'auth',
      'grpc',
      'openapi',
      'clientCertificate',
    ]
    const settingKeys = [
      'host',
      'tls',
      'trustedProxies',
      'forwarded',
      'accessLog',
      'healthPath',
      'maxHeaderBytes',
      'headersTimeoutMs',
      'keepAliveTimeoutMs',
      'stopBudgetMs',
    ]
    const some = fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom('http://a', '/x', 'a', {}, [], true, 1, { service: 'a' }))
    const settings = fc.dictionary(fc.constantFrom(...settingKeys), some, { maxKeys: 2 })
    const config = fc.record({
      port: fc.oneof(fc.constant(0), fc.anything({ maxDepth: 0 })),
      services: fc.oneof(fc.dictionary(fc.constantFrom('a', 'b-service'), fc.dictionary(fc.constantFrom(...keys), some)), some),
      routes: fc.oneof(fc.array(fc.oneof(fc.dictionary(fc.constantFrom(...routeKeys), some), some), { maxLength: 3 }), some),
    })
    const right = { services: { a: 'http://a' } }
    const running = createGateway({ port: 0, ...right })
    let taken = 0
    const ways = {
      made: (given: GatewayOptions) => createGateway(given),
      'taken on': (given: GatewayOptions) => running.reload(given),
      parsed: (given: GatewayOptions) => parseGatewayConfig(JSON.stringify(given)),
    }
    type Way = keyof typeof ways
    /** @returns whether it was taken */
    const attempt = (run: () => unknown): boolean => {
      try {
        run()
        return true
      } catch (error) {
        if (!(error instanceof ConfigurationError)) expect(error).toBeInstanceOf(ConfigurationError)
        return false
      }
    }
    fc.assert(
      fc.property(
        fc.oneof({ weight: 3, arbitrary: config }, { weight: 1, arbitrary: fc.constant({ port: 0, ...right }) }),
        settings,
        fc.constantFrom<Way>('made', 'taken on', 'parsed'),
        (rest, more, way) => {
          const given = { ...rest, ...more } as unknown as GatewayOptions
          const before = running.describe()
          const isTaken = attempt(() => ways[way](given))
          if (isTaken) taken++
          // By a gateway that runs whole, or not at all.
          else expect(running.describe()).toBe(before)
        },
      ),
      { numRuns: RUNS, seed: 9 },
    )
    expect(taken).toBeGreaterThan(100)
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseGatewayConfig(text)).toThrow(ConfigurationError)
      }),
      { numRuns: 1000, seed: 9 },
    )
  }, 300_000)
})
