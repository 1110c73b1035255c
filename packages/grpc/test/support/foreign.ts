import {
  Client,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js'
import {
  type EchoStatus,
  Empty,
  SimpleRequest,
  SimpleResponse,
  StreamingInputCallRequest,
  StreamingInputCallResponse,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from '../generated/grpc/testing/test.ts'
import { ECHO_INITIAL, ECHO_TRAILING, payload } from './test-service.ts'

interface Coded<Message> {
  encode(message: Message): { finish(): Uint8Array }
  decode(bytes: Uint8Array): Message
}

function method<Request, Response>(
  name: string,
  request: Coded<Request>,
  response: Coded<Response>,
  requestStream = false,
  responseStream = false,
): ServiceDefinition[string] {
  return {
    path: `/grpc.testing.TestService/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (value: Request) => Buffer.from(request.encode(value).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (value: Response) => Buffer.from(response.encode(value).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  }
}

/** The service as plain grpc-js knows it. `UnimplementedMethod` is left out on purpose, nobody implements it. */
export const FOREIGN_SERVICE = {
  emptyCall: method('EmptyCall', Empty, Empty),
  unaryCall: method('UnaryCall', SimpleRequest, SimpleResponse),
  cacheableUnaryCall: method('CacheableUnaryCall', SimpleRequest, SimpleResponse),
  streamingOutputCall: method('StreamingOutputCall', StreamingOutputCallRequest, StreamingOutputCallResponse, false, true),
  streamingInputCall: method('StreamingInputCall', StreamingInputCallRequest, StreamingInputCallResponse, true, false),
  fullDuplexCall: method('FullDuplexCall', StreamingOutputCallRequest, StreamingOutputCallResponse, true, true),
} satisfies ServiceDefinition

type AnyCall = {
  metadata: Metadata
  sendMetadata(metadata: Metadata): void
}

function trailerOf(call: AnyCall): Metadata {
  const header = call.metadata.clone()
  for (const key of Object.keys(header.toJSON())) if (key !== ECHO_INITIAL) header.remove(key)
  const trailer = call.metadata.clone()
  for (const key of Object.keys(trailer.toJSON())) if (key !== ECHO_TRAILING) trailer.remove(key)
  if (Object.keys(header.toJSON()).length > 0) call.sendMetadata(header)
  return trailer
}

function failureOf(status: EchoStatus | undefined): { code: number; details: string } | undefined {
  return status === undefined || status.code === 0 ? undefined : { code: status.code, details: status.message }
}

/** Plain grpc-js, as its own documentation would have it. */
export async function foreignServer(): Promise<{ readonly address: string; readonly server: Server }> {
  const server = new Server()
  const unary = (call: ServerUnaryCall<SimpleRequest, SimpleResponse>, done: sendUnaryData<SimpleResponse>): void => {
    const trailer = trailerOf(call)
    const failure = failureOf(call.request.responseStatus)
    if (failure !== undefined) done(failure)
    else done(null, { payload: payload(call.request.responseSize), serverId: '' }, trailer)
  }
  server.addService(FOREIGN_SERVICE, {
    emptyCall: (call: ServerUnaryCall<Empty, Empty>, done: sendUnaryData<Empty>) => done(null, {}, trailerOf(call)),
    unaryCall: unary,
    cacheableUnaryCall: unary,
    streamingOutputCall: async (call: ServerWritableStream<StreamingOutputCallRequest, StreamingOutputCallResponse>) => {
      await writeAll(call, call.request)
      call.end()
    },
    streamingInputCall: (
      call: ServerReadableStream<StreamingInputCallRequest, StreamingInputCallResponse>,
      done: sendUnaryData<StreamingInputCallResponse>,
    ) => {
      let size = 0
      call.on('data', (request: StreamingInputCallRequest) => {
        size += request.payload?.body.length ?? 0
      })
      call.on('end', () => done(null, { aggregatedPayloadSize: size }))
    },
    fullDuplexCall: (call: ServerDuplexStream<StreamingOutputCallRequest, StreamingOutputCallResponse>) => {
      const trailer = trailerOf(call)
      let last = Promise.resolve()
      call.on('data', (request: StreamingOutputCallRequest) => {
        last = last.then(async () => {
          const failure = failureOf(request.responseStatus)
          if (failure !== undefined) call.emit('error', failure)
          else await writeAll(call, request)
        })
      })
      call.on('end', () => void last.then(() => call.end(trailer)))
    },
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { address: `127.0.0.1:${port}`, server }
}

async function writeAll(
  call: { write(message: StreamingOutputCallResponse): boolean; readonly cancelled: boolean },
  { responseParameters }: StreamingOutputCallRequest,
): Promise<void> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await new Promise((resolve) => setTimeout(resolve, intervalUs / 1000).unref())
    if (call.cancelled) return
    call.write({ payload: payload(size) })
  }
}

export function foreignClient(address: string): Client {
  return new Client(address, credentials.createInsecure())
}
