import type { Call } from '@comm/core'
import type { ServiceError } from '@grpc/grpc-js'
import { type Attempt, attempt } from './attempt.ts'
import type { Outgoing } from './outgoing.ts'

function identity(bytes: Buffer): Buffer {
  return bytes
}

/** One message there, one back. */
export function sendUnary(outgoing: Outgoing, call: Call): Promise<unknown> {
  return attempt(outgoing, call, (made, metadata) => {
    const { method, request } = outgoing
    return answerOf(made, (done) => {
      const { client } = made.channel
      const { stackTraceLimit } = Error
      // grpc-js notes where each call comes from, for an error that is not the one that callers get: a tenth of what the call costs.
      Error.stackTraceLimit = 0
      try {
        made.follow(client.makeUnaryRequest(method.path, identity, method.deserializeResponse, request as Buffer, metadata, done))
      } finally {
        Error.stackTraceLimit = stackTraceLimit
      }
    })
  })
}

/** Many messages there, one back. */
export function sendClientStream(outgoing: Outgoing, call: Call): Promise<unknown> {
  return attempt(outgoing, call, (made, metadata) => {
    const { method, requests } = outgoing
    let sourceError: { readonly thrown: unknown } | undefined
    const answer = answerOf(made, (done) => {
      const { client } = made.channel
      const stream = client.makeClientStreamRequest(
        method.path,
        method.serializeRequest,
        method.deserializeResponse,
        metadata,
        done,
      )
      made.follow(stream)
      requests?.pump(stream, made.stopped).catch((thrown: unknown) => {
        sourceError = { thrown }
        made.cancel()
      })
    })
    return answer.catch((error: unknown) => {
      // What the caller's own messages threw is the caller's to see, not the cancellation that it led to.
      throw sourceError === undefined ? error : sourceError.thrown
    })
  })
}

function answerOf(made: Attempt, send: (done: (error: ServiceError | null, answer?: unknown) => void) => void): Promise<unknown> {
  return new Promise((resolve, reject) => {
    send((error, answer) => {
      made.over()
      if (error === null) resolve(answer)
      else reject(made.errorOf(error))
    })
  })
}
