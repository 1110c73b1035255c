import { AuthenticationError, GrpcStatusError, ServiceUnavailableError, ValidationError } from '@comm/core'
import { createGateway, type Gateway, type RouteConfig } from '@comm/gateway'
import { type GrpcCallContext, GrpcServer, type StatusName } from '@comm/grpc'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { waitFor } from '@comm/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { gatewayFor } from './support/services.ts'

interface CallContext {
  readonly signal: AbortSignal
  readonly metadata: { get(name: string): string | Uint8Array | undefined }
}

interface Taken {
  readonly orderId: string
  readonly amount: number
}

/** Takes payments, or does what a test asks for. */
class Payments {
  readonly taken: Taken[] = []
  readonly metadata: Readonly<Record<string, string | undefined>>[] = []
  next: ((taken: Taken, context: CallContext) => Promise<Taken>) | undefined
  readonly server: GrpcServer = new GrpcServer({ host: '127.0.0.1', port: 0 })

  constructor() {
    this.server.add(PaymentServiceDefinition, {
      takePayment: async ({ orderId, amount }: Taken, context: CallContext & GrpcCallContext) => {
        this.taken.push({ orderId, amount })
        const { metadata } = context
        const names = ['x-correlation-id', 'x-request-id', 'authorization', 'x-tenant', 'x-other']
        this.metadata.push(Object.fromEntries(names.map((name) => [name, metadata.get(name)?.toString()])))
        return (await this.next?.({ orderId, amount }, context)) ?? { orderId, amount }
      },
      setOutOfOrder: async ({ outOfOrder }: { outOfOrder: boolean }) => ({ outOfOrder }),
    } as never)
  }
}

const payments = new Payments()

const routes = (): RouteConfig[] => [
  {
    path: '/payments/:orderId',
    methods: ['GET', 'POST', 'DELETE'],
    grpc: {
      service: 'payments',
      definition: PaymentServiceDefinition,
      method: 'takePayment',
      metadata: ['Authorization', 'X-Tenant'],
    },
  },
  { path: '/rpc/*', grpc: { service: 'payments', definition: PaymentServiceDefinition } },
]

function config() {
  return {
    services: { payments: { instances: [payments.server.address], retry: { maxRetries: 1 }, breaker: false } },
    routes: routes(),
  }
}

let gateway: Gateway

beforeAll(async () => {
  await payments.server.start()
  gateway = await gatewayFor(config())
})

afterAll(async () => {
  await gateway.stop()
  await payments.server.close()
})

beforeEach(() => {
  payments.next = undefined
  payments.taken.length = payments.metadata.length = 0
})

function post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function told(answer: Response): Promise<readonly unknown[]> {
  return [answer.status, await answer.json()]
}

describe('a route to gRPC', () => {
  it('makes a unary call of a body and of what stands in the path, and JSON of the answer', async () => {
    expect(await told(await post('/payments/7', { amount: 12.5, orderId: 'of the body' }))).toEqual([
      200,
      { orderId: '7', amount: 12.5 },
    ])
    expect(payments.taken).toEqual([{ orderId: '7', amount: 12.5 }])
  })

  it('takes the query where there is no body', async () => {
    expect(await told(await fetch(`${gateway.url}/payments/a%20b?amount=3`))).toEqual([200, { orderId: 'a b', amount: 3 }])
  })

  it.each(['takePayment', 'TakePayment'])('finds the method %s at the end of the path', async (name) => {
    expect(await told(await post(`/rpc/${name}`, { orderId: '8', amount: 1 }))).toEqual([200, { orderId: '8', amount: 1 }])
    expect(await told(await post('/rpc/SetOutOfOrder', { outOfOrder: true }))).toEqual([200, { outOfOrder: true }])
  })

  it('takes only POST unless it names methods, and has no other methods of a service than it has', async () => {
    const got = await fetch(`${gateway.url}/rpc/TakePayment`)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await post('/rpc/constructor', {})).status).toBe(404)
    expect((await fetch(`${gateway.url}/api/v1/payments`)).status).toBe(404)
    expect(payments.taken).toEqual([])
  })

  it('sends the ids and the fields that it names, and no others', async () => {
    const headers = { 'x-correlation-id': 'c-1', authorization: 'Bearer t', 'x-tenant': 'blue', 'x-other': 'stays' }
    const answer = await post('/payments/7', {}, headers)
    expect([answer.status, answer.headers.get('x-correlation-id')]).toEqual([200, 'c-1'])
    expect(payments.metadata).toEqual([
      {
        'x-correlation-id': 'c-1',
        'x-request-id': expect.any(String),
        authorization: 'Bearer t',
        'x-tenant': 'blue',
        'x-other': undefined,
      },
    ])
  })

  it.each([
    ['no JSON', '{', 400],
    ['no object', '[1]', 400],
  ])('refuses a body that is %s, without a call', async (_, body, status) => {
    expect(await told(await post('/payments/7', body))).toEqual([
      status,
      expect.objectContaining({ code: 'COMM_VALIDATION', issues: [{ path: 'body', message: expect.any(String) }] }),
    ])
    expect(payments.taken).toEqual([])
  })

  it('refuses a body that does not say that it is JSON, and one that is too long', async () => {
    expect((await post('/payments/7', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await post('/payments/7', { orderId: 'x'.repeat(5_000_000) })).status).toBe(413)
    expect(payments.taken).toEqual([])
  })
})

describe('a call that fails', () => {
  it.each<[StatusName, number, string, boolean]>([
    ['NOT_FOUND', 404, 'COMM_REFUSED', true],
    ['ALREADY_EXISTS', 409, 'COMM_REFUSED', true],
    ['ABORTED', 409, 'COMM_REFUSED', true],
    ['FAILED_PRECONDITION', 400, 'COMM_REFUSED', true],
    ['OUT_OF_RANGE', 400, 'COMM_REFUSED', true],
    ['UNIMPLEMENTED', 501, 'COMM_REFUSED', true],
    ['INVALID_ARGUMENT', 400, 'COMM_VALIDATION', true],
    ['UNAUTHENTICATED', 401, 'COMM_AUTHENTICATION', false],
    ['PERMISSION_DENIED', 403, 'COMM_AUTHORIZATION', false],
    ['RESOURCE_EXHAUSTED', 429, 'COMM_RATE_LIMITED', false],
    ['UNAVAILABLE', 503, 'COMM_SERVICE_UNAVAILABLE', false],
    ['DEADLINE_EXCEEDED', 504, 'COMM_TIMEOUT', false],
    ['INTERNAL', 502, 'COMM_GRPC_STATUS', false],
    ['DATA_LOSS', 502, 'COMM_GRPC_STATUS', false],
  ])('%s is answered %d; where the service stands is not told', async (status, expected, code, isSaid) => {
    payments.next = () => Promise.reject(new GrpcStatusError('told by the service', { status }))
    const answer = await post('/payments/7', {})
    const text = await answer.text()
    expect([answer.status, answer.headers.get('content-type'), JSON.parse(text)]).toEqual([
      expected,
      'application/problem+json',
      expect.objectContaining({ status: expected, code, correlationId: expect.any(String) }),
    ])
    expect(text.includes('told by the service')).toBe(isSaid)
    expect(text).not.toContain(payments.server.address)
  })

  it('names the issues that the service found', async () => {
    const issues = [{ path: 'amount', message: 'has to be above 0' }]
    payments.next = () => Promise.reject(new ValidationError('no payment', { details: { issues } }))
    expect(await told(await post('/payments/7', {}))).toEqual([
      400,
      expect.objectContaining({ issues: [expect.objectContaining({ path: 'amount' })] }),
    ])
  })

  it('is made again where the .proto file says that it may be', async () => {
    payments.next = () => {
      payments.next = undefined
      return Promise.reject(new ServiceUnavailableError('not now'))
    }
    expect((await post('/payments/7', {})).status).toBe(200)
    expect(payments.taken).toHaveLength(2)
  })

  it('ends when the time of the client is over', async () => {
    payments.next = (_, { signal }) => untilAborted(signal)
    const answer = await post('/payments/7', {}, { 'x-request-timeout-ms': '100' })
    expect(answer.status).toBe(504)
  })

  it('is cancelled when the client leaves', async () => {
    const left = new AbortController()
    let ended = false
    payments.next = (_, { signal }) =>
      untilAborted(signal).finally(() => {
        ended = true
      })
    const asked = fetch(`${gateway.url}/payments/7`, { signal: left.signal }).catch((error: unknown) => error)
    await waitFor(() => payments.taken.length === 1, { what: 'the call' })
    left.abort()
    await asked
    await waitFor(() => ended, { what: 'the end of the call at the service' })
  })
})

function untilAborted(signal: AbortSignal): Promise<Taken> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up')), { once: true }))
}

describe('steps before it', () => {
  it('authenticate, check the body and fall back as they do before HTTP', async () => {
    await using own = await gatewayFor({
      services: { payments: { instances: [payments.server.address], retry: false } },
      routes: [
        {
          path: '/payments',
          grpc: { service: 'payments', definition: PaymentServiceDefinition, method: 'TakePayment' },
          auth: ({ headers }) => {
            if (headers['x-key'] === undefined) throw new AuthenticationError('who?')
            return undefined
          },
          validate: { body: { type: 'object', required: ['orderId'] } },
          fallback: { status: 202, body: 'later' },
        },
      ],
    })
    const ask = async (body: unknown, headers: Readonly<Record<string, string>>): Promise<readonly unknown[]> => {
      const sent = { 'content-type': 'application/json', ...headers }
      const answer = await fetch(`${own.url}/payments`, { method: 'POST', headers: sent, body: JSON.stringify(body) })
      return [answer.status, await answer.text()]
    }
    expect((await ask({ orderId: '1' }, {}))[0]).toBe(401)
    expect((await ask({}, { 'x-key': 'k' }))[0]).toBe(400)
    expect(await ask({ orderId: '1' }, { 'x-key': 'k' })).toEqual([200, '{"orderId":"1"}'])
    payments.next = () => Promise.reject(new ServiceUnavailableError('not now'))
    expect(await ask({ orderId: '1' }, { 'x-key': 'k' })).toEqual([202, 'later'])
  })
})

describe('a reload', () => {
  it('keeps the calls going, and takes on and lets go of services', async () => {
    await using own = await gatewayFor({ services: { other: 'http://127.0.0.1:1' } })
    const ask = async (): Promise<number> =>
      (await fetch(`${own.url}/payments/7`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }))
        .status
    expect(await ask()).toBe(404)
    own.reload(config())
    expect(await ask()).toBe(200)
    const release = Promise.withResolvers<void>()
    payments.next = async (taken) => {
      await release.promise
      return taken
    }
    payments.taken.length = 0
    const underWay = ask()
    await waitFor(() => payments.taken.length === 1, { what: 'the call' })
    own.reload({ services: { other: 'http://127.0.0.1:1' } })
    expect(await ask()).toBe(404)
    release.resolve()
    expect(await underWay).toBe(200)
  })
})

describe('what is no route to gRPC', () => {
  const definition = PaymentServiceDefinition
  it.each<[string, Partial<RouteConfig>, object, RegExp]>([
    ['a service that there is not', { grpc: { service: 'nobody', definition } }, {}, /routes\[0\]\.grpc\.service/],
    [
      'a method that there is not',
      { grpc: { service: 'payments', definition, method: 'x' } },
      {},
      /routes\[0\]\.grpc\.method.*takePayment/,
    ],
    ['no method', { path: '/a', grpc: { service: 'payments', definition } }, {}, /routes\[0\]\.grpc\.method/],
    [
      'a method that is none',
      { grpc: { service: 'payments', definition: { fullName: 'a', methods: { b: null } } as never } },
      {},
      /routes\[0\]\.grpc\.definition/,
    ],
    ['no definition', { grpc: { service: 'payments', definition: {} as never } }, {}, /routes\[0\]\.grpc\.definition/],
    [
      'a field of the protocol',
      { grpc: { service: 'payments', definition, metadata: ['te'] } },
      {},
      /routes\[0\]\.grpc\.metadata/,
    ],
    ['a cache', { cache: true, grpc: { service: 'payments', definition } }, {}, /routes\[0\]\.cache/],
    [
      'a service beside',
      { service: 'payments', grpc: { service: 'payments', definition } },
      {},
      /one of service, to, aggregate, grpc and openapi/,
    ],
    ['a check by HTTP', { grpc: { service: 'payments', definition } }, { healthCheck: true }, /services\.payments\.healthCheck/],
  ])('is refused: %s', (_, route, service, expected) => {
    const services = { payments: { instances: ['127.0.0.1:1'], ...service } }
    expect(() => createGateway({ port: 0, services, routes: [{ path: '/a/*', ...route }] })).toThrow(expected)
  })
})
