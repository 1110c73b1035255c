import { type Call, ConnectionError } from '@comm/core'
import { withDeadlineHeader } from './context-headers.ts'
import { decodeBytes, decodeStream, isDecodable } from './decode.ts'
import type { HttpRequest } from './request.ts'
import { HttpResponse, HttpStreamResponse, type ResponseHead } from './response.ts'
import { statusError } from './status-error.ts'
import type { HttpTransport, TransportRequest, TransportResponse } from './transport.ts'

/** One attempt of a call: what a client's pipeline protects. */
export type Exchange = (request: HttpRequest, call: Call) => Promise<HttpResponse | HttpStreamResponse>

/**
 * Makes the attempts of a client: says how much time is left, sends, undoes the content coding, and throws
 * HttpStatusError for 4xx and 5xx, so that policies see a failure as a failure. An error answer is always read whole, also
 * where a stream was asked for: an attempt that is made again leaves no body behind.
 */
export function exchangeOver(transport: HttpTransport): Exchange {
  return async (request, call) => {
    const { signal, attempt } = call
    const outbound = toTransport(request, call)
    const answer = await sendPastStaleConnection(transport, request, outbound, signal)
    const { status } = answer
    const coding = request.method === 'HEAD' ? undefined : answer.headers['content-encoding']
    const headers = isDecodable(coding) ? withoutCoding(answer.headers) : answer.headers
    const head: ResponseHead = { method: request.method, url: request.url, status, headers, attempts: attempt }
    if (answer.body instanceof Uint8Array) {
      const response = new HttpResponse(head, await decodeBytes(answer.body, coding, outbound))
      if (status >= 400) throw statusError(response, call.clock.wall())
      return response
    }
    const body = decodeStream(answer.body, coding, outbound)
    if (status < 400) return new HttpStreamResponse(head, body)
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(chunk as Uint8Array)
    throw statusError(new HttpResponse(head, Buffer.concat(chunks)), call.clock.wall())
  }
}

function toTransport(request: HttpRequest, call: Call): TransportRequest {
  const { method, url, headers, body, collect, maxResponseBytes, timeout, tls } = request
  return {
    method,
    url,
    headers: withDeadlineHeader(headers, call.deadlineAt - call.clock.now()),
    ...(body === undefined ? {} : { body }),
    collect,
    maxBytes: maxResponseBytes,
    timeouts: timeout,
    // The pipeline ends a call that waits for its whole answer; a streamed body outlives the pipeline's run.
    deadlineAt: collect === 'stream' ? call.deadlineAt : Number.POSITIVE_INFINITY,
    ...(tls === undefined ? {} : { tls }),
  }
}

/**
 * A server may close an idle connection in the moment in which it is used again. That says nothing about the server, so an
 * idempotent request is sent once more, at once and outside every policy (RFC 9112 9.3.1).
 */
async function sendPastStaleConnection(
  transport: HttpTransport,
  request: HttpRequest,
  outbound: TransportRequest,
  signal: AbortSignal,
): Promise<TransportResponse> {
  try {
    return await transport.send(outbound, signal)
  } catch (error) {
    const stale = error instanceof ConnectionError && error.details['reused'] === true
    if (!stale || !request.idempotent || !request.replayable || signal.aborted) throw error
    return transport.send(outbound, signal)
  }
}

function withoutCoding(headers: TransportResponse['headers']): TransportResponse['headers'] {
  const { 'content-encoding': _coding, 'content-length': _length, ...rest } = headers
  return rest
}
