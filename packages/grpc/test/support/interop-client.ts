import { CommunicationError } from '@comm/core'
import { type GrpcCallOptions, GrpcClient, statusName } from '@comm/grpc'
import { type Client, Metadata as GrpcMetadata, type ServiceError } from '@grpc/grpc-js'
import type { Metadata } from 'nice-grpc'
import type {
  SimpleRequest,
  SimpleResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from '../generated/grpc/testing/test.ts'
import { TestServiceDefinition, UnimplementedServiceDefinition } from '../generated/grpc/testing/test.ts'
import { FOREIGN_SERVICE, foreignClient } from './foreign.ts'
import { ECHO_INITIAL, ECHO_TRAILING } from './test-service.ts'

export interface Ended {
  readonly status: string
  readonly message: string
}

export interface Echoes {
  readonly initial: unknown
  readonly trailing: unknown
}

export interface Duplex {
  send(request: StreamingOutputCallRequest): void
  /** undefined at the end. */
  receive(): Promise<StreamingOutputCallResponse | undefined>
  endRequests(): void
  cancel(): void
}

/** What the cases need of a client, whoever has written it. Failures reject with `Ended`. */
export interface InteropClient {
  emptyCall(): Promise<unknown>
  unaryCall(request: SimpleRequest): Promise<SimpleResponse>
  unaryEchoes(request: SimpleRequest): Promise<Echoes>
  streamingInput(sizes: readonly number[]): Promise<number>
  /** Begins, and cancels at once. */
  streamingInputCancelled(): Promise<unknown>
  streamingOutput(request: StreamingOutputCallRequest): Promise<readonly number[]>
  fullDuplex(options?: { readonly timeoutMs?: number; readonly echo?: (echoes: Echoes) => void }): Duplex
  unimplementedMethod(): Promise<unknown>
  unimplementedService(): Promise<unknown>
  close(): Promise<void>
}

const ECHO: Readonly<Record<string, string | Uint8Array>> = {
  [ECHO_INITIAL]: 'test_initial_metadata_value',
  [ECHO_TRAILING]: Buffer.from('ababab', 'hex'),
}

/** Requests that are made one by one. */
class Outbox<Message> implements AsyncIterable<Message> {
  readonly #messages: (Message | undefined)[] = []
  #wake: (() => void) | undefined

  push(message: Message | undefined): void {
    this.#messages.push(message)
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
      const next = this.#messages.shift()
      if (next === undefined) return
      yield next
    }
  }
}

export function ours(address: string): InteropClient {
  const client = new GrpcClient({ address })
  const service = client.service(TestServiceDefinition)
  const ended = (thrown: unknown): never => {
    const { details, code, message } = CommunicationError.from(thrown)
    const fallback =
      code === 'COMM_ABORTED' ? 'CANCELLED' : code.includes('DEADLINE') || code === 'COMM_TIMEOUT' ? 'DEADLINE_EXCEEDED' : code
    throw { status: details['grpcStatus'] ?? fallback, message: details['statusMessage'] ?? message } as Ended
  }
  const echoing = (seen: { initial?: unknown; trailing?: unknown }): GrpcCallOptions => ({
    metadata: ECHO,
    onHeader: (header: Metadata) => (seen.initial = header.get(ECHO_INITIAL)),
    onTrailer: (trailer: Metadata) => (seen.trailing = hex(trailer.get(ECHO_TRAILING))),
  })
  return {
    emptyCall: () => service.emptyCall({}).catch(ended),
    unaryCall: (request) => service.unaryCall(request).catch(ended),
    async unaryEchoes(request) {
      const seen: { initial?: unknown; trailing?: unknown } = {}
      await service.unaryCall(request, echoing(seen)).catch(ended)
      return { initial: seen.initial, trailing: seen.trailing }
    },
    async streamingInput(sizes) {
      async function* requests() {
        for (const size of sizes) yield { payload: { body: new Uint8Array(size) } }
      }
      return (await service.streamingInputCall(requests()).catch(ended)).aggregatedPayloadSize
    },
    streamingInputCancelled() {
      const controller = new AbortController()
      const outbox = new Outbox<never>()
      const answer = service.streamingInputCall(outbox, { signal: controller.signal }).catch(ended)
      controller.abort()
      return answer
    },
    async streamingOutput(request) {
      const sizes: number[] = []
      try {
        for await (const { payload } of service.streamingOutputCall(request)) sizes.push(payload?.body.length ?? 0)
      } catch (thrown) {
        ended(thrown)
      }
      return sizes
    },
    fullDuplex({ timeoutMs, echo } = {}) {
      const outbox = new Outbox<StreamingOutputCallRequest>()
      const controller = new AbortController()
      const seen: { initial?: unknown; trailing?: unknown } = {}
      const options = { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(echo && echoing(seen)) }
      const answers = service.fullDuplexCall(outbox, options)[Symbol.asyncIterator]()
      return {
        send: (request) => outbox.push(request),
        async receive() {
          const next = await answers.next().catch(ended)
          if (next.done) echo?.({ initial: seen.initial, trailing: seen.trailing })
          return next.done ? undefined : next.value
        },
        endRequests: () => outbox.push(undefined),
        cancel: () => controller.abort(),
      }
    },
    unimplementedMethod: () => service.unimplementedMethod({}).catch(ended),
    unimplementedService: () => client.service(UnimplementedServiceDefinition).unimplementedCall({}).catch(ended),
    close: async () => client[Symbol.asyncDispose](),
  }
}

export function foreign(address: string): InteropClient {
  const client = foreignClient(address)
  const { emptyCall, unaryCall, streamingInputCall, streamingOutputCall, fullDuplexCall } = FOREIGN_SERVICE
  const unary = <Response>(definition: typeof unaryCall, request: unknown, path = definition.path): Promise<Response> =>
    new Promise((resolve, reject) => {
      const { requestSerialize, responseDeserialize } = definition
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, answer) =>
        error ? reject(endedOf(error)) : resolve(answer as Response),
      )
    })
  return {
    emptyCall: () => unary(emptyCall, {}),
    unaryCall: (request) => unary(unaryCall, request),
    unaryEchoes: (request) =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = unaryCall
        let initial: unknown
        const call = client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, echoMetadata(), (error) => {
          if (error) reject(endedOf(error))
        })
        call.on('metadata', (header) => {
          initial = header.get(ECHO_INITIAL)[0]
        })
        call.on('status', ({ metadata }) => resolve({ initial, trailing: hex(metadata.get(ECHO_TRAILING)[0]) }))
      }),
    streamingInput: (sizes) =>
      new Promise((resolve, reject) => {
        const call = inputCall(client, (error, answer) =>
          error ? reject(endedOf(error)) : resolve(Number(Object(answer).aggregatedPayloadSize)),
        )
        for (const size of sizes) call.write({ payload: { body: new Uint8Array(size) } })
        call.end()
      }),
    streamingInputCancelled: () =>
      new Promise((resolve, reject) => {
        inputCall(client, (error, answer) => (error ? reject(endedOf(error)) : resolve(answer))).cancel()
      }),
    async streamingOutput(request) {
      const { path, requestSerialize, responseDeserialize } = streamingOutputCall
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request)
      const sizes: number[] = []
      try {
        for await (const answer of call) sizes.push((answer as StreamingOutputCallResponse).payload?.body.length ?? 0)
      } catch (error) {
        throw endedOf(error as ServiceError)
      }
      return sizes
    },
    fullDuplex({ timeoutMs, echo } = {}) {
      const { path, requestSerialize, responseDeserialize } = fullDuplexCall
      const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
      const metadata = echo === undefined ? new GrpcMetadata() : echoMetadata()
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options)
      let initial: unknown
      call.on('metadata', (header) => {
        initial = header.get(ECHO_INITIAL)[0]
      })
      call.on('status', ({ metadata: trailer }) => echo?.({ initial, trailing: hex(trailer.get(ECHO_TRAILING)[0]) }))
      const answers = call[Symbol.asyncIterator]()
      return {
        send: (request) => void call.write(request),
        async receive() {
          const next = await answers.next().catch((error: ServiceError) => {
            throw endedOf(error)
          })
          return next.done ? undefined : (next.value as StreamingOutputCallResponse)
        },
        endRequests: () => void call.end(),
        cancel: () => call.cancel(),
      }
    },
    unimplementedMethod: () => unary(emptyCall, {}, '/grpc.testing.TestService/UnimplementedMethod'),
    unimplementedService: () => unary(emptyCall, {}, '/grpc.testing.UnimplementedService/UnimplementedCall'),
    close: async () => client.close(),
  }

  function inputCall(of: Client, done: (error: ServiceError | null, answer?: unknown) => void) {
    return of.makeClientStreamRequest(
      streamingInputCall.path,
      streamingInputCall.requestSerialize,
      streamingInputCall.responseDeserialize,
      done,
    )
  }
}

function echoMetadata(): GrpcMetadata {
  const metadata = new GrpcMetadata()
  for (const [key, value] of Object.entries(ECHO)) metadata.set(key, typeof value === 'string' ? value : Buffer.from(value))
  return metadata
}

function endedOf({ code, details }: ServiceError): Ended {
  return { status: statusName(code), message: details }
}

function hex(value: unknown): string | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : undefined
}
