import type { Readable } from 'node:stream'
import { type Call, type Cancellation, type Clock, ConnectionError, notify } from '@comm/core'
import { instanceOf, urlAt } from './balancing/instance-url.ts'
import { withDeadlineHeader } from './context-headers.ts'
import { decodeBytes, decodeStream, isDecodable } from './decode.ts'
import { measuredBody } from './measured-body.ts'
import type { HttpRequest } from './request.ts'
import { HttpResponse, HttpStreamResponse, type ResponseHead } from './response.ts'
import { statusError } from './status-error.ts'
import type { HttpTransport, TransferProgress, TransportRequest, TransportResponse } from './transport.ts'

/** One attempt of a call: what a client's pipeline protects. */
export type Exchange = (request: HttpRequest, call: Call) => Promise<Answer>

type Answer = HttpResponse | HttpStreamResponse

/**
 * Makes the attempts of a client: says how much time is left, sends, undoes the content coding, and throws
 * HttpStatusError for 4xx and 5xx, so that policies see a failure as a failure. An error answer is always read whole, also
 * where a stream was asked for: an attempt that is made again leaves no body behind.
 */
export function exchangeOver(transport: HttpTransport): Exchange {
  return (request, call) => {
    // Read now: later they may be those of another attempt.
    const { attempt, target, clock } = call
    const cancellation = transport.sendUntil === undefined ? call.signal : call.cancellation
    const outbound = toTransport(request, call)
    const received = (answer: TransportResponse): Answer | Promise<Answer> => {
      const { method, url } = request
      const { status } = answer
      const coding = hasBody(method, answer) ? answer.headers['content-encoding'] : undefined
      const isCoded = isDecodable(coding)
      const head: ResponseHead = {
        method,
        url,
        status,
        headers: isCoded ? withoutCoding(answer.headers) : answer.headers,
        attempts: attempt + request.attemptsBefore,
        instance: instanceOf(request, target),
      }
      if (!(answer.body instanceof Uint8Array)) return streamed(head, decodeStream(answer.body, coding, outbound), clock)
      if (!isCoded) return whole(head, answer.body, clock)
      return decodeBytes(answer.body, coding, outbound).then((bytes) => whole(head, bytes, clock))
    }
    return send(transport, outbound, cancellation).then(received, (error: unknown) => {
      if (cancellation.aborted || !isStale(error, request)) throw error
      return send(transport, outbound, cancellation).then(received)
    })
  }
}

/** Without one its headers speak of the body that there would be (RFC 9110 6.4.1). */
function hasBody(method: string, { status, headers }: TransportResponse): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304 && headers['content-length'] !== '0'
}

/** @param cancellation a signal, where the transport knows nothing else */
function send(transport: HttpTransport, request: TransportRequest, cancellation: Cancellation): Promise<TransportResponse> {
  return transport.sendUntil?.(request, cancellation) ?? transport.send(request, cancellation as AbortSignal)
}

function whole(head: ResponseHead, bytes: Uint8Array, clock: Clock): HttpResponse {
  const response = new HttpResponse(head, bytes)
  if (head.status >= 400) throw statusError(response, clock.wall())
  return response
}

async function streamed(head: ResponseHead, body: Readable, clock: Clock): Promise<HttpStreamResponse> {
  if (head.status < 400) return new HttpStreamResponse(head, body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk as Uint8Array)
  throw statusError(new HttpResponse(head, Buffer.concat(chunks)), clock.wall())
}

function toTransport(request: HttpRequest, call: Call): TransportRequest {
  const { method, headers, body, measuring, onDownloadProgress, collect, maxResponseBytes, timeout, tls } = request
  const measured = body === undefined || measuring === undefined ? undefined : measuredBody(body, measuring)
  return {
    method,
    url: urlAt(request, call.target),
    headers: withDeadlineHeader(headers, call.deadlineAt - call.clock.now()),
    body: measured === undefined ? body : measured.body,
    bodyBytes: measured?.bodyBytes,
    collect,
    maxBytes: maxResponseBytes,
    timeouts: timeout,
    // The pipeline ends a call that waits for its whole answer; a streamed body outlives the pipeline's run.
    deadlineAt: collect === 'stream' ? call.deadlineAt : Number.POSITIVE_INFINITY,
    tls,
    onDownload:
      onDownloadProgress === undefined
        ? undefined
        : (progress: TransferProgress) => notify('onDownloadProgress', onDownloadProgress, progress),
  }
}

/**
 * A server may close an idle connection in the moment in which it is used again. That says nothing about the server, so an
 * idempotent request is sent once more, at once and outside every policy (RFC 9112 9.3.1).
 */
function isStale(error: unknown, { idempotent, replayable }: HttpRequest): boolean {
  return idempotent && replayable && error instanceof ConnectionError && error.details['reused'] === true
}

function withoutCoding(headers: TransportResponse['headers']): TransportResponse['headers'] {
  const { 'content-encoding': _coding, 'content-length': _length, ...rest } = headers
  return rest
}
