import { setTimeout as delay } from 'node:timers/promises'
import { GrpcStatusError } from '@comm/core'
import type { GrpcCallContext } from '@comm/grpc'
import { statusName } from '@comm/grpc'
import type { CallContext } from 'nice-grpc'
import type {
  EchoStatus,
  SimpleRequest,
  StreamingInputCallRequest,
  StreamingOutputCallRequest,
  StreamingOutputCallResponse,
} from '../generated/grpc/testing/test.ts'

/** Echoed by the service, in the response's headers and in its trailers: the public case `custom_metadata`. */
export const ECHO_INITIAL = 'x-grpc-test-echo-initial'
export const ECHO_TRAILING = 'x-grpc-test-echo-trailing-bin'

type Context = CallContext & GrpcCallContext

/** The server of the interoperability cases: https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md#server-features */
export const testService = {
  async emptyCall(_request: unknown, context: Context) {
    echoMetadata(context)
    return {}
  },
  async unaryCall(request: SimpleRequest, context: Context) {
    echoMetadata(context)
    echoStatus(request.responseStatus)
    return { payload: payload(request.responseSize), serverId: '' }
  },
  async cacheableUnaryCall(request: SimpleRequest, context: Context) {
    return testService.unaryCall(request, context)
  },
  async *streamingOutputCall(request: StreamingOutputCallRequest, context: Context) {
    yield* answers(request, context)
  },
  async streamingInputCall(requests: AsyncIterable<StreamingInputCallRequest>) {
    let size = 0
    for await (const request of requests) size += request.payload?.body.length ?? 0
    return { aggregatedPayloadSize: size }
  },
  async *fullDuplexCall(requests: AsyncIterable<StreamingOutputCallRequest>, context: Context) {
    echoMetadata(context)
    for await (const request of requests) {
      echoStatus(request.responseStatus)
      yield* answers(request, context)
    }
  },
}

export function payload(size: number): { body: Uint8Array } {
  return { body: new Uint8Array(size) }
}

async function* answers(
  { responseParameters }: StreamingOutputCallRequest,
  { signal }: Pick<Context, 'signal'>,
): AsyncGenerator<StreamingOutputCallResponse> {
  for (const { size, intervalUs } of responseParameters) {
    if (intervalUs > 0) await delay(intervalUs / 1000, undefined, { signal })
    yield { payload: payload(size) }
  }
}

function echoStatus(status: EchoStatus | undefined): void {
  if (status !== undefined && status.code !== 0) throw new GrpcStatusError(status.message, { status: statusName(status.code) })
}

function echoMetadata({ metadata, header, trailer }: Context): void {
  const initial = metadata.get(ECHO_INITIAL)
  if (initial !== undefined) header.set(ECHO_INITIAL, initial)
  const trailing = metadata.get(ECHO_TRAILING)
  if (trailing !== undefined) trailer.set(ECHO_TRAILING, trailing)
}
