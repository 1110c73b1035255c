import { CommunicationError } from '@comm/core'
import { GrpcClient, GrpcServer, inProcess } from '@comm/grpc'
import { TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'

/** Answers without end; counts what it has made and how many are at it. */
function endless() {
  const state = { made: 0, running: 0 }
  return {
    state,
    async *streamingOutputCall() {
      state.running++
      try {
        for (;;) {
          state.made++
          yield { payload: { body: new Uint8Array(10_000) } }
        }
      } finally {
        state.running--
      }
    },
  }
}

describe('a stream of answers', () => {
  it('is cancelled when its reader leaves', async () => {
    const service = endless()
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, service as never))
    let read = 0
    for await (const _ of pair.client.service(TestServiceDefinition).streamingOutputCall({})) if (++read === 3) break
    await waitFor(() => service.state.running === 0)
    expect(pair.server.inFlight).toBe(0)
  })

  it('is cancelled when its reader leaves before the first message', async () => {
    const begun = Promise.withResolvers<void>()
    const silent = {
      async *streamingOutputCall(_request: unknown, { signal }: { signal: AbortSignal }) {
        begun.resolve()
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    }
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, silent as never))
    const answers = pair.client.service(TestServiceDefinition).streamingOutputCall({})[Symbol.asyncIterator]()
    const first = answers.next()
    await begun.promise
    expect(await answers.return?.()).toMatchObject({ done: true })
    expect(await first).toMatchObject({ done: true })
    await waitFor(() => pair.server.inFlight === 0)
  })

  it('makes its server wait for a slow reader', async () => {
    const service = endless()
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, service as never))
    const answers = pair.client.service(TestServiceDefinition).streamingOutputCall({})[Symbol.asyncIterator]()
    await answers.next()
    let before = -1
    await waitFor(
      () => {
        const stands = service.state.made === before
        before = service.state.made
        return stands
      },
      { intervalMs: 100 } as never,
    )
    expect(service.state.made).toBeLessThan(1000)
    for (let times = 0; times < 300; times++) expect((await answers.next()).done).toBe(false)
    await answers.return?.()
  })

  it('ends with the deadline of its call, and with the signal', async () => {
    const forever = {
      async *streamingOutputCall(_request: unknown, { signal }: { signal: AbortSignal }) {
        yield {}
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      },
    }
    const clock = new TestClock()
    const add = (server: GrpcServer) => server.add(TestServiceDefinition, forever as never)
    await using pair = await inProcess(add, { client: { clock } })
    const { streamingOutputCall } = pair.client.service(TestServiceDefinition)
    const codeOfSecond = async (options: { timeoutMs?: number; signal?: AbortSignal }, act: () => unknown): Promise<string> => {
      const answers = streamingOutputCall({}, options)[Symbol.asyncIterator]()
      await answers.next()
      act()
      const code = await answers.next().then(
        () => 'another message',
        (error: unknown) => CommunicationError.from(error).code,
      )
      expect((await answers.next()).done).toBe(true)
      return code
    }
    expect(await codeOfSecond({ timeoutMs: 60_000 }, () => clock.advance(60_000))).toBe('COMM_TIMEOUT')
    const controller = new AbortController()
    expect(await codeOfSecond({ signal: controller.signal }, () => controller.abort())).toBe('COMM_ABORTED')
    await waitFor(() => pair.server.inFlight === 0)
  })

  it('hands on what its own requests throw, and asks them for no more when it is over', async () => {
    let returned = false
    const source = (): AsyncIterable<object> => ({
      [Symbol.asyncIterator]: () => {
        let given = 0
        return {
          next: async () => (given++ < 2 ? { value: {}, done: false } : new Promise(() => undefined)),
          return: async () => {
            returned = true
            return { value: undefined, done: true }
          },
        } as AsyncIterator<object>
      },
    })
    const service = {
      async streamingInputCall(requests: AsyncIterable<unknown>) {
        for await (const _ of requests) return { aggregatedPayloadSize: 1 }
        return {}
      },
      async *fullDuplexCall(requests: AsyncIterable<unknown>) {
        for await (const _ of requests) yield {}
      },
    }
    await using pair = await inProcess((server) => server.add(TestServiceDefinition, service as never))
    const { streamingInputCall, fullDuplexCall } = pair.client.service(TestServiceDefinition)
    expect(await streamingInputCall(source())).toEqual({ aggregatedPayloadSize: 1 })
    expect(returned).toBe(true)

    const broken = new Error('the file is gone')
    async function* failing() {
      yield {}
      throw broken
    }
    await expect(streamingInputCall(failing())).rejects.toBe(broken)
    const answers = fullDuplexCall(failing())[Symbol.asyncIterator]()
    await expect(answers.next().then(() => answers.next())).rejects.toBe(broken)
  })

  it('keeps its instance busy while it is read', async () => {
    const service = endless()
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(TestServiceDefinition, service as never)
    await server.start()
    await using client = new GrpcClient({ endpoints: [server.address] })
    const answers = client.service(TestServiceDefinition).streamingOutputCall({})[Symbol.asyncIterator]()
    await answers.next()
    expect(client.balancer?.instances.map(({ inFlight }) => inFlight)).toEqual([1])
    await answers.return?.()
    expect(client.balancer?.instances.map(({ inFlight }) => inFlight)).toEqual([0])
  })
})
