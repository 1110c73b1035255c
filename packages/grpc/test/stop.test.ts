import { CommunicationError, Lifecycle } from '@comm/core'
import { GrpcClient, GrpcServer, inProcess } from '@comm/grpc'
import { describe, expect, it } from '@jest/globals'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'it succeeded',
    (error: unknown) => CommunicationError.from(error).code,
  )
}

describe('a server that stops', () => {
  it('answers what has come in, refuses what comes later, and ends endless streams when the time is over', async () => {
    const go = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const server = new GrpcServer({ host: '127.0.0.1', port: 0, drainMs: 3000 }).add(TestServiceDefinition, {
      async unaryCall() {
        entered.resolve()
        await go.promise
        return { serverId: 'finished' }
      },
      async *streamingOutputCall(_request: unknown, { signal }: { signal: AbortSignal }) {
        yield {}
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    } as never)
    const lifecycle = new Lifecycle({ stopBudgetMs: 10_000 })
    lifecycle.add(server)
    await lifecycle.start()
    await using client = new GrpcClient({ address: server.address, retry: false })
    const service = client.service(TestServiceDefinition)

    const endless = service.streamingOutputCall({})[Symbol.asyncIterator]()
    expect((await endless.next()).done).toBe(false)
    const underWay = service.unaryCall({})
    await entered.promise
    expect(server.inFlight).toBe(2)

    const stopped = lifecycle.stop()
    await new Promise((resolve) => setImmediate(resolve))
    const late = codeOf(service.unaryCall({}, { timeoutMs: 30_000 }))
    go.resolve()
    expect(await underWay).toMatchObject({ serverId: 'finished' })
    expect(await endless.next().catch((error: unknown) => error)).toMatchObject({
      code: 'COMM_SERVICE_UNAVAILABLE',
      details: { grpcStatus: 'UNAVAILABLE', statusMessage: 'the server is stopping' },
    })
    expect(['COMM_CONNECTION', 'COMM_SERVICE_UNAVAILABLE']).toContain(await late)
    expect((await stopped).problems).toEqual([])
    expect(server.inFlight).toBe(0)
  })

  it('is idempotent, and can be stopped without a start', async () => {
    const server = new GrpcServer({ port: 0 })
    await server[Symbol.asyncDispose]()
    await server.close()
    await expect(server.start()).rejects.toMatchObject({ code: 'COMM_CLOSED' })
  })

  it('does not listen when it is closed while it starts', async () => {
    const server = new GrpcServer({ host: '127.0.0.1', port: 0 })
    const started = server.start().then(
      () => 'started',
      (error: unknown) => CommunicationError.from(error).code,
    )
    await server.close()
    expect(await started).toBe('COMM_CLOSED')
    expect(() => server.address).toThrow('it does not listen')
  })

  it('says who has its port', async () => {
    await using first = new GrpcServer({ host: '127.0.0.1', port: 0 })
    await first.start()
    const second = new GrpcServer({ host: '127.0.0.1', port: first.port })
    await expect(second.start()).rejects.toMatchObject({
      code: 'COMM_CONNECTION',
      retryable: false,
      message: expect.stringMatching(/^grpc server could not listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/),
    })
    await second.close()
  })
})

it('a pair in one process ends, also with a stream without an end', async () => {
  const pair = await inProcess(
    (server) =>
      server.add(TestServiceDefinition, {
        async *streamingOutputCall(_request: unknown, { signal }: { signal: AbortSignal }) {
          yield {}
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        },
      } as never),
    { server: { drainMs: 0 } },
  )
  const endless = pair.client.service(TestServiceDefinition).streamingOutputCall({})[Symbol.asyncIterator]()
  await endless.next()
  const next = codeOf(endless.next())
  await pair[Symbol.asyncDispose]()
  expect(await next).toBe('COMM_SERVICE_UNAVAILABLE')
})

describe('a client that is closed', () => {
  it('finishes what is under way and refuses what comes later', async () => {
    const go = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(TestServiceDefinition, {
      async emptyCall() {
        entered.resolve()
        await go.promise
        return {}
      },
    } as never)
    await server.start()
    const client = new GrpcClient({ address: server.address })
    const { emptyCall } = client.service(TestServiceDefinition)
    const underWay = emptyCall({})
    await entered.promise
    const closed = client[Symbol.asyncDispose]()
    expect(await codeOf(emptyCall({}))).toBe('COMM_CLOSED')
    go.resolve()
    expect(await underWay).toEqual({})
    await closed
    await client[Symbol.asyncDispose]()
  })

  it('cuts what does not end in time', async () => {
    const entered = Promise.withResolvers<void>()
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0, drainMs: 0 }).add(TestServiceDefinition, {
      emptyCall() {
        entered.resolve()
        return new Promise(() => undefined)
      },
    } as never)
    await server.start()
    const client = new GrpcClient({ address: server.address, retry: false })
    const underWay = codeOf(client.service(TestServiceDefinition).emptyCall({}))
    await entered.promise
    await client.close(AbortSignal.timeout(50))
    await server.close()
    expect(['COMM_CONNECTION', 'COMM_SERVICE_UNAVAILABLE']).toContain(await underWay)
  })
})
