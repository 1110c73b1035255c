import { CommunicationError } from '@comm/core'
import { GrpcClient, GrpcServer } from '@comm/grpc'
import { waitFor } from '@comm/testkit'
import { startFaultProxy } from '@comm/testkit/fault-proxy'
import { describe, expect, it } from '@jest/globals'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

async function serve(port = 0): Promise<GrpcServer> {
  const server = new GrpcServer({ host: '127.0.0.1', port, drainMs: 0 }).add(TestServiceDefinition, {
    emptyCall: async () => ({}),
    unaryCall: () => new Promise(() => undefined),
  } as never)
  await server.start()
  return server
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'it succeeded',
    (error: unknown) => CommunicationError.from(error).code,
  )
}

describe('a connection', () => {
  it('is made again when its server is back', async () => {
    const first = await serve()
    const { port } = first
    await using client = new GrpcClient({ address: `127.0.0.1:${port}`, retry: false, circuitBreaker: false })
    const { emptyCall } = client.service(TestServiceDefinition)
    expect(await codeOf(emptyCall({}))).toBe('it succeeded')
    await first.close()
    expect(await codeOf(emptyCall({}))).toBe('COMM_CONNECTION')
    expect(client.health()).toMatchObject({ status: 'down' })
    await using _second = await serve(port)
    await waitFor(async () => (await codeOf(emptyCall({}))) === 'it succeeded', { intervalMs: 50 })
    expect(client.health()).toEqual({ status: 'up' })
  }, 180_000)

  it('is given up by keepalive when nobody answers any more', async () => {
    await using server = await serve()
    await using proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: server.port } })
    await using client = new GrpcClient({
      address: `127.0.0.1:${proxy.port}`,
      retry: false,
      keepalive: { intervalMs: 200, timeoutMs: 200 },
    })
    const { emptyCall, unaryCall } = client.service(TestServiceDefinition)
    await emptyCall({})
    const underWay = codeOf(unaryCall({}))
    proxy.halfOpen()
    expect(await underWay).toBe('COMM_CONNECTION')
  }, 180_000)

  it('that cannot be made ends in its time', async () => {
    await using server = await serve()
    await using proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: server.port } })
    proxy.halfOpen()
    await using client = new GrpcClient({ address: `127.0.0.1:${proxy.port}`, retry: false, timeout: { connectMs: 200 } })
    const error = await client
      .service(TestServiceDefinition)
      .emptyCall({})
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { processed: 'no' } })
  }, 180_000)
})
