import { constantBackoff, currentPrincipal, type Principal } from '@comm/core'
import { GrpcServer } from '@comm/grpc'
import { createMesh, type Mesh } from '@comm/mesh'
import type {} from '@comm/mesh/grpc'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { createAuthority } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { recordingLogger, Stage } from './support/stage.ts'

const authority = await createAuthority()
const [payments, orders, carts] = await Promise.all(['payments', 'orders', 'carts'].map((host) => authority.issue({ host })))

interface Serving {
  readonly mesh: Mesh
  readonly callers: (Principal | undefined)[]
}

/** A gRPC service of the mesh with one instance. */
async function serve(
  stage: Stage,
  stack: AsyncDisposableStack,
  fails: () => boolean = () => false,
): Promise<Serving & { logger: ReturnType<typeof recordingLogger> }> {
  const logger = recordingLogger()
  const callers: (Principal | undefined)[] = []
  let port = 0
  const mesh = stage.mesh({
    service: { name: 'payments', host: '127.0.0.1', port: () => port },
    tls: { ...payments },
    access: { allow: [{ dns: 'orders' }] },
    logger,
  })
  const server = new GrpcServer({
    host: '127.0.0.1',
    port: 0,
    drainMs: 0,
    ...(mesh.tls === undefined ? {} : { tls: mesh.tls }),
    authenticate: mesh.authenticate,
  }).add(PaymentServiceDefinition, {
    async takePayment({ orderId, amount }) {
      callers.push(currentPrincipal())
      if (fails()) throw new TypeError('broken')
      return { orderId, amount }
    },
    async setOutOfOrder({ outOfOrder }) {
      return { outOfOrder }
    },
  })
  await server.start()
  stack.use(server)
  port = server.port
  await mesh.start()
  return { mesh, callers, logger }
}

describe('a gRPC call by name', () => {
  it('goes to an instance under the policies of its service, shows who calls, and is counted', async () => {
    await using stage = new Stage()
    await using stack = new AsyncDisposableStack()
    const { callers } = await serve(stage, stack)
    await serve(stage, stack)
    const mesh = stage.mesh({
      service: 'orders',
      tls: { ...orders },
      policies: { payments: { retry: { maxRetries: 1, backoff: constantBackoff({ baseMs: 1 }) } } },
      traffic: { payments: { sticky: { header: 'x-session' } } },
    })
    const client = await mesh.grpc('payments', PaymentServiceDefinition)
    for (let call = 0; call < 10; call++) {
      expect(await client.takePayment({ orderId: '7', amount: 42 }, { balancingKey: 'a session' })).toEqual({
        orderId: '7',
        amount: 42,
      })
    }
    // One instance has had all of them.
    expect([0, 10]).toContain(callers.length)
    expect(callers.every((caller) => caller?.subject === 'orders')).toBe(true)
    expect(mesh.topology().edges).toEqual([
      expect.objectContaining({ from: 'orders', to: 'payments', protocol: 'grpc', calls: 10, errors: 0 }),
    ])
    expect((await mesh.health()).status).toBe('up')
  })

  it('of a caller that is not allowed is refused before the implementation, and audited', async () => {
    await using stage = new Stage()
    await using stack = new AsyncDisposableStack()
    const { callers, logger, mesh: server } = await serve(stage, stack)
    const mesh = stage.mesh({ service: 'carts', tls: { ...carts } })
    const client = await mesh.grpc('payments', PaymentServiceDefinition)
    await expect(client.takePayment({ orderId: '7', amount: 42 })).rejects.toMatchObject({ code: 'COMM_AUTHORIZATION' })
    expect(callers).toEqual([])
    expect(logger.lines.filter(({ fields }) => fields['event'] === 'authorization')).toEqual([
      expect.objectContaining({
        fields: expect.objectContaining({
          security: expect.objectContaining({
            outcome: 'denied',
            subject: 'carts',
            resource: expect.stringContaining('TakePayment'),
          }),
        }),
      }),
    ])
    expect(server.topology().edges).toEqual([expect.objectContaining({ from: 'carts', protocol: 'grpc', refused: 1 })])
  })

  it('follows policies that change', async () => {
    await using stage = new Stage()
    await using stack = new AsyncDisposableStack()
    const { callers } = await serve(stage, stack, () => true)
    const policies = { payments: { retry: false, breaker: { failureRatio: 0.5, minimumCalls: 2 } } } as const
    const logger = recordingLogger()
    const mesh = stage.mesh({ service: 'orders', tls: { ...orders }, policies, logger })
    const client = await mesh.grpc('payments', PaymentServiceDefinition)
    const call = (): Promise<unknown> =>
      client.takePayment({ orderId: '7', amount: 42 }).catch((error: { code: string }) => error.code)
    const codes = [await call(), await call(), await call()]
    expect(codes.at(-1)).toBe('COMM_BREAKER_OPEN')
    expect(logger.lines.map(({ message }) => message)).toContain('the circuit breaker of payments is open')
    expect(callers.length).toBe(2)
    mesh.reload({ policies: { payments: { retry: false, breaker: false } } })
    expect(await call()).not.toBe('COMM_BREAKER_OPEN')
    expect(callers.length).toBe(3)
  })

  it('is refused once the mesh is closed', async () => {
    const { MemoryRegistry } = await import('@comm/discovery/memory')
    const mesh = createMesh({ service: 'orders', discovery: new MemoryRegistry() })
    await mesh.close()
    await expect(mesh.grpc('payments', PaymentServiceDefinition)).rejects.toMatchObject({ code: 'COMM_CLOSED' })
  })
})
