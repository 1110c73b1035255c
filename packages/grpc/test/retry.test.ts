import { CommunicationError, constantBackoff, GrpcStatusError, RateLimitedError, ServiceUnavailableError } from '@comm/core'
import { type GrpcClientOptions, type InProcess, inProcess } from '@comm/grpc'
import { describe, expect, it } from '@jest/globals'
import { ServerError, Status } from 'nice-grpc'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

const retry = { maxRetries: 3, backoff: constantBackoff({ baseMs: 1, jitter: 0 }) }
const UNAVAILABLE = (): unknown => new ServiceUnavailableError('away')

type Options = Omit<GrpcClientOptions, 'address' | 'endpoints' | 'balancer'>

/** A service whose first calls fail, each with what the list says; `calls` counts all. */
async function failing(failures: readonly (() => unknown)[], client: Options = {}): Promise<InProcess & { calls: () => number }> {
  let calls = 0
  const next = async (): Promise<Record<string, never>> => {
    const failure = failures[calls++]
    if (failure !== undefined) throw failure()
    return {}
  }
  const pair = await inProcess(
    (server) =>
      server.add(TestServiceDefinition, {
        emptyCall: next,
        unaryCall: next,
        cacheableUnaryCall: next,
        streamingInputCall: async (requests: AsyncIterable<unknown>) => {
          for await (const _ of requests) if (calls < failures.length) break
          return next()
        },
        async *streamingOutputCall() {
          await next()
          yield {}
        },
        async *fullDuplexCall() {
          yield {}
          await next()
        },
      } as never),
    { client: { retry, ...client } },
  )
  return { ...pair, calls: () => calls }
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'it succeeded',
    (error: unknown) => CommunicationError.from(error).code,
  )
}

describe('retries', () => {
  it.each([
    ['UNAVAILABLE', 'COMM_SERVICE_UNAVAILABLE', UNAVAILABLE],
    ['RESOURCE_EXHAUSTED', 'COMM_RATE_LIMITED', () => new RateLimitedError('busy')],
  ])('tries %s again only where the .proto or the options say that a call may be made twice', async (_status, code, failure) => {
    await using plain = await failing([failure])
    expect(await codeOf(plain.client.service(TestServiceDefinition).unaryCall({}))).toBe(code)
    await using byOption = await failing([failure])
    await byOption.client.service(TestServiceDefinition).unaryCall({}, { idempotent: true })
    await using byProto = await failing([failure])
    await byProto.client.service(TestServiceDefinition).cacheableUnaryCall({})
    expect([plain.calls(), byOption.calls(), byProto.calls()]).toEqual([1, 2, 2])
  })

  it('takes the statuses that it is told', async () => {
    const aborted = (): unknown => new GrpcStatusError('conflict', { status: 'ABORTED' })
    await using usual = await failing([aborted])
    expect(await codeOf(usual.client.service(TestServiceDefinition).cacheableUnaryCall({}))).toBe('COMM_GRPC_STATUS')
    await using told = await failing([aborted], { retry: { ...retry, statuses: ['ABORTED'] } })
    expect(await codeOf(told.client.service(TestServiceDefinition).cacheableUnaryCall({}))).toBe('it succeeded')
  })

  it('never tries an answer again', async () => {
    await using pair = await failing([() => new GrpcStatusError('no', { status: 'NOT_FOUND' })])
    expect(await codeOf(pair.client.service(TestServiceDefinition).cacheableUnaryCall({}))).toBe('COMM_GRPC_STATUS')
    expect(pair.calls()).toBe(1)
  })

  it('waits as long as the server asks (grpc-retry-pushback-ms)', async () => {
    const hints: number[] = []
    const asking = (): unknown => new ServiceUnavailableError('away', { details: { retryAfterMs: 40 } })
    await using pair = await failing([asking], { retry: { ...retry, onRetry: ({ afterMs }) => hints.push(afterMs) } })
    await pair.client.service(TestServiceDefinition).unaryCall({}, { idempotent: true })
    expect(hints).toEqual([40])
  })

  it('gives up when the server pushes back for good', async () => {
    let calls = 0
    await using pair = await inProcess(
      (server) =>
        server.add(TestServiceDefinition, {
          emptyCall(_request: unknown, context: { trailer: Map<string, unknown> & { set(key: string, value: string): void } }) {
            calls++
            context.trailer.set('grpc-retry-pushback-ms', '-1')
            return Promise.reject(new ServerError(Status.UNAVAILABLE, 'stay away'))
          },
        } as never),
      { client: { retry } },
    )
    expect(await codeOf(pair.client.service(TestServiceDefinition).emptyCall({}, { idempotent: true }))).toBe(
      'COMM_SERVICE_UNAVAILABLE',
    )
    expect(calls).toBe(1)
  })

  it('tries a stream again before its first message, and not after', async () => {
    await using before = await failing([UNAVAILABLE, UNAVAILABLE])
    let seen = 0
    for await (const _ of before.client.service(TestServiceDefinition).streamingOutputCall({}, { idempotent: true })) seen++
    expect([seen, before.calls()]).toEqual([1, 3])

    await using after = await failing([UNAVAILABLE])
    const answers = after.client.service(TestServiceDefinition).fullDuplexCall((async function* () {})(), { idempotent: true })
    const iterator = answers[Symbol.asyncIterator]()
    expect((await iterator.next()).done).toBe(false)
    expect(await codeOf(iterator.next())).toBe('COMM_SERVICE_UNAVAILABLE')
    expect(after.calls()).toBe(1)
  })

  it('sends a request stream again from its first message', async () => {
    const received: number[] = []
    let attempts = 0
    await using pair = await inProcess(
      (server) =>
        server.add(TestServiceDefinition, {
          async streamingInputCall(requests: AsyncIterable<{ payload?: { body: Uint8Array } }>) {
            attempts++
            for await (const { payload } of requests) {
              received.push(payload?.body.length ?? 0)
              if (attempts === 1 && received.length === 2) throw new ServiceUnavailableError('away')
            }
            return { aggregatedPayloadSize: 0 }
          },
        } as never),
      { client: { retry } },
    )
    async function* requests() {
      for (const size of [1, 2, 3]) yield { payload: { body: new Uint8Array(size) } }
    }
    await pair.client.service(TestServiceDefinition).streamingInputCall(requests(), { idempotent: true })
    expect(received).toEqual([1, 2, 1, 2, 3])
  })

  it('tells the server how often it has been tried', async () => {
    const attempts: (string | undefined)[] = []
    await using pair = await inProcess(
      (server) =>
        server.add(TestServiceDefinition, {
          async emptyCall(_request: unknown, { call }: { call: { header(key: string): string | undefined } }) {
            attempts.push(call.header('grpc-previous-rpc-attempts'))
            if (attempts.length < 3) throw new ServiceUnavailableError('away')
            return {}
          },
        } as never),
      { client: { retry } },
    )
    await pair.client.service(TestServiceDefinition).emptyCall({}, { idempotent: true })
    expect(attempts).toEqual([undefined, '1', '2'])
  })

  it('does not repeat what a stopping server had begun, unless it may be made twice', async () => {
    let calls = 0
    const entered = Promise.withResolvers<void>()
    const hanging = (): Promise<never> => {
      calls++
      entered.resolve()
      return new Promise(() => undefined)
    }
    const pair = await inProcess((server) => server.add(TestServiceDefinition, { unaryCall: hanging } as never), {
      server: { drainMs: 0 },
      client: { retry },
    })
    const call = pair.client
      .service(TestServiceDefinition)
      .unaryCall({})
      .catch((error: unknown) => error)
    await entered.promise
    await pair.server[Symbol.asyncDispose]()
    expect(await call).toMatchObject({ code: 'COMM_SERVICE_UNAVAILABLE', details: { processed: 'maybe' } })
    expect(calls).toBe(1)
    await pair[Symbol.asyncDispose]()
  })

  it('tries again where nobody listens yet', async () => {
    await using pair = await failing([])
    await pair.server.close()
    const { client } = pair
    const error = await client
      .service(TestServiceDefinition)
      .unaryCall({})
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { processed: 'no' } })
  })
})
