import { createGateway, type RouteConfig } from '@comm/gateway'
import { GrpcServer } from '@comm/grpc'
import { descriptors } from '@comm/protos/descriptors'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { gatewayFor } from './support/services.ts'

const fullName = 'payments.v1.PaymentService'

interface Taken {
  readonly orderId: string
  readonly amount: number
}

async function payments(reflection?: Uint8Array, port = 0): Promise<GrpcServer> {
  const server = new GrpcServer({ host: '127.0.0.1', port, ...(reflection && { reflection }) })
  server.add(PaymentServiceDefinition, {
    takePayment: async ({ orderId, amount }: Taken) => ({ orderId, amount }),
    setOutOfOrder: async ({ outOfOrder }: { readonly outOfOrder: boolean }) => ({ outOfOrder }),
  } as never)
  await server.start()
  return server
}

function config(server: GrpcServer, grpc: object): { services: object; routes: RouteConfig[] } {
  const api = { service: 'payments', fullName, ...grpc }
  return {
    services: { payments: { instances: [server.address], retry: false, breaker: false } },
    routes: [
      { path: '/rpc/*', grpc: api },
      { path: '/payments/:orderId', methods: ['GET', 'POST'], grpc: { ...api, method: 'takePayment' } },
    ],
  }
}

async function told(url: string, body?: unknown): Promise<readonly unknown[]> {
  const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const answer = await fetch(url, body === undefined ? {} : sent)
  return [answer.status, await answer.json()]
}

describe.each([
  ['descriptors', { descriptors }],
  ['reflection', { reflection: true }],
])('a route to gRPC by %s', (_, source) => {
  it('calls as one by generated code does', async () => {
    await using server = await payments(descriptors)
    await using gateway = await gatewayFor(config(server, source) as never)
    expect(await told(`${gateway.url}/payments/true`, { amount: '12.5', other: 1 })).toEqual([
      200,
      { orderId: 'true', amount: 12.5 },
    ])
    expect(await told(`${gateway.url}/payments/7?amount=3`)).toEqual([200, { orderId: '7', amount: 3 }])
    expect(await told(`${gateway.url}/rpc/SetOutOfOrder`, { out_of_order: true })).toEqual([200, { outOfOrder: true }])
    expect((await told(`${gateway.url}/rpc/None`, {}))[0]).toBe(404)
    expect(await told(`${gateway.url}/payments/7`, { amount: 'much' })).toEqual([
      400,
      expect.objectContaining({ code: 'COMM_VALIDATION' }),
    ])
  })
})

describe('reflection', () => {
  it('that the server does not answer is 503, and is asked for again by the next request', async () => {
    const mute = await payments()
    const { port } = new URL(`http://${mute.address}`)
    await using gateway = await gatewayFor(config(mute, { reflection: true }) as never)
    expect(await told(`${gateway.url}/rpc/TakePayment`, {})).toEqual([
      503,
      expect.objectContaining({ code: 'COMM_SERVICE_UNAVAILABLE' }),
    ])
    await mute.close()
    await using _speaking = await payments(descriptors, Number(port))
    let answer = await told(`${gateway.url}/rpc/TakePayment`, { orderId: '1' })
    // The connection that broke is made anew in a while.
    for (let left = 100; answer[0] !== 200 && left > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      answer = await told(`${gateway.url}/rpc/TakePayment`, { orderId: '1' })
    }
    expect(answer).toEqual([200, { orderId: '1' }])
  })

  it('is not asked for each request that names a method which there is not', async () => {
    const clock = new TestClock()
    const server = await payments(descriptors)
    await using gateway = await gatewayFor({ ...config(server, { reflection: true }), clock } as never)
    const status = async (): Promise<unknown> => (await told(`${gateway.url}/rpc/None`, {}))[0]
    expect(await status()).toBe(404)
    await server.close()
    for (let request = 0; request < 3; request++) expect(await status()).toBe(404)
    await clock.advance(6000)
    expect(await status()).toBe(503)
  })
})

describe('what is no route to gRPC', () => {
  const build = (grpc: object): unknown =>
    createGateway({
      port: 0,
      services: { payments: { instances: ['127.0.0.1:1'] } },
      routes: [{ path: '/a/*', grpc: grpc as never }],
    })

  it.each<[string, object, RegExp]>([
    [
      'nothing that describes it',
      { service: 'payments', fullName },
      /routes\[0\]\.grpc must be.*definition, descriptors and reflection, got none/,
    ],
    ['two that do', { service: 'payments', fullName, descriptors, reflection: true }, /routes\[0\]\.grpc must be.*got several/],
    ['no name', { service: 'payments', reflection: true }, /routes\[0\]\.grpc\.fullName/],
    ['a name that is none', { service: 'payments', fullName: 'a-b', reflection: true }, /routes\[0\]\.grpc\.fullName/],
    ['text in place of bytes', { service: 'payments', fullName, descriptors: 'x' }, /routes\[0\]\.grpc\.descriptors/],
  ])('is refused: %s', (_, grpc, expected) => expect(() => build(grpc)).toThrow(expected))

  it('is refused at the start, where descriptors have no such service or method', async () => {
    const start = (grpc: object): Promise<unknown> =>
      gatewayFor({
        services: { payments: { instances: ['127.0.0.1:1'] } },
        routes: [{ path: '/a/*', grpc: { service: 'payments', descriptors, ...grpc } as never }],
      })
    await expect(start({ fullName: 'a.B' })).rejects.toThrow(/routes\[0\]\.grpc\.descriptors.*no service a\.B/)
    await expect(start({ fullName, method: 'none' })).rejects.toThrow(/routes\[0\]\.grpc\.method.*takePayment/)
  })

  it('is refused by a reload, which changes nothing, also where no route called gRPC before', async () => {
    const services = { payments: { instances: ['127.0.0.1:1'], path: '/old' } }
    await using gateway = await gatewayFor({ services })
    const reload = (grpc: object) => (): unknown =>
      gateway.reload({
        services,
        routes: [{ path: '/a/*', grpc: { service: 'payments', descriptors, fullName, ...grpc } as never }],
      })
    expect(reload({ fullName: 'a.B' })).toThrow(/routes\[0\]\.grpc\.descriptors.*no service a\.B/)
    expect(reload({ method: 'none' })).toThrow(/routes\[0\]\.grpc\.method.*takePayment/)
    expect(reload({ descriptors: new Uint8Array([1, 2, 3]) })).toThrow(/routes\[0\]\.grpc\.descriptors.*file descriptor set/)
    expect(gateway.describe()).toContain('/old')
    reload({})()
    expect(gateway.describe()).toContain('/a/*')
  })
})
