import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import { isCorrelationId, RequestRefusedError } from '@comm/core'
import { FIELD, type FieldNames } from './field-names.ts'

export type InboundRequest = IncomingMessage | Http2ServerRequest

/** RFC 9110 4.2.3 and RFC 3986 3.2.2, without user information; brackets for IPv6. */
const HOST = /^(?:[\w.~%!$&'()*+,;=-]*|\[[\da-fA-F:.%\w]+\])(?::\d*)?$/
/** Options of a Connection field that name nothing else. */
const PLAIN_CONNECTION: ReadonlySet<string> = new Set(['keep-alive', 'close', 'Keep-Alive', 'Close', 'upgrade', 'Upgrade'])
/** Never taken away because a Connection field names them: they frame or address the message. */
const PROTECTED: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'cookie'])

/** The head of a request, read once: the fields that go on, and what the gateway needs of the others. */
export class RequestHead {
  /** Those that go on, names and values in turn, as they were received. */
  fields: string[] = []
  /** As the client named it; empty when it named none. */
  host = ''
  hasBody = false
  /** Declared bytes of the body; undefined when it comes in chunks, or there is none. */
  contentLength: number | undefined = undefined
  expectsContinue = false
  upgrade: string | undefined = undefined
  correlationId: string | undefined = undefined
  /** Milliseconds that the caller still waits. */
  timeLeftMs: number | undefined = undefined
  /** From proxies in front of this one; not to be believed unless they are trusted. */
  forwarded: string | undefined = undefined
  forwardedFor: string | undefined = undefined
  via: string | undefined = undefined
}

/**
 * Reads the fields of a request. @throws RequestRefusedError for what two servers could read in two ways, and what is not supported
 */
export function readHead(request: InboundRequest, names: FieldNames): RequestHead {
  const head = new RequestHead()
  const { rawHeaders } = request
  const { fields } = head
  let connection: string | undefined
  let hasHost = false
  let isChunked = false
  let cookieAt = -1
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    const value = rawHeaders[at + 1] as string
    switch (names.kindOf(name)) {
      case FIELD.pass:
        fields.push(name, value)
        break
      case FIELD.host:
        if (hasHost) throw refused(400, 'the request has more than one Host field')
        hasHost = true
        head.host = value
        break
      case FIELD.connection:
        connection = connection === undefined ? value : `${connection}, ${value}`
        break
      case FIELD.contentLength:
        if (head.contentLength !== undefined) throw refused(400, 'the request has more than one Content-Length field')
        if (!/^\d{1,15}$/.test(value)) throw refused(400, 'the Content-Length of the request is not a number')
        head.contentLength = Number(value)
        fields.push(name, value)
        break
      case FIELD.transferEncoding:
        if (isChunked || value.toLowerCase() !== 'chunked')
          throw refused(501, 'the request has a Transfer-Encoding other than chunked')
        isChunked = true
        break
      case FIELD.expect:
        if (value.toLowerCase() !== '100-continue') throw refused(417, 'the request expects something other than 100-continue')
        head.expectsContinue = true
        break
      case FIELD.upgrade:
        head.upgrade = value
        break
      case FIELD.forwarded:
        head.forwarded = head.forwarded === undefined ? value : `${head.forwarded}, ${value}`
        break
      case FIELD.forwardedFor:
        head.forwardedFor = head.forwardedFor === undefined ? value : `${head.forwardedFor}, ${value}`
        break
      case FIELD.via:
        head.via = head.via === undefined ? value : `${head.via}, ${value}`
        break
      case FIELD.cookie:
        // RFC 9113 8.2.3: HTTP/2 may split it.
        if (cookieAt >= 0) fields[cookieAt] = `${fields[cookieAt]}; ${value}`
        else cookieAt = fields.push(name, value) - 1
        break
      case FIELD.correlation:
        if (isCorrelationId(value)) head.correlationId = value
        break
      case FIELD.timeLeft:
        if (/^\d{1,10}$/.test(value)) head.timeLeftMs = Number(value)
        break
    }
  }
  if (isChunked && head.contentLength !== undefined)
    throw refused(400, 'the request has both a Content-Length and a Transfer-Encoding')
  if (connection !== undefined && !PLAIN_CONNECTION.has(connection)) head.fields = withoutNamed(fields, connection)
  if (request.httpVersionMajor === 2) ofHttp2(head, request as Http2ServerRequest)
  else {
    if (!hasHost && request.httpVersionMinor > 0) throw refused(400, 'the request has no Host field')
    if (isChunked && request.httpVersionMinor === 0) throw refused(400, 'a request of HTTP/1.0 cannot have a Transfer-Encoding')
    head.hasBody = isChunked || (head.contentLength ?? 0) > 0
  }
  if (head.host !== '' && !HOST.test(head.host)) throw refused(400, 'the Host of the request is not one')
  return head
}

function ofHttp2(head: RequestHead, request: Http2ServerRequest): void {
  const { authority } = request
  // RFC 9113 8.3.1: :authority takes the place of Host.
  if (authority !== undefined && authority !== '') head.host = authority
  head.hasBody = !request.stream.endAfterHeaders
}

/** RFC 9110 7.6.1: fields that Connection names are for this connection only. */
function withoutNamed(fields: readonly string[], connection: string): string[] {
  const named = new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((option) => option.trim())
      .filter((option) => !PROTECTED.has(option)),
  )
  const kept: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (!named.has(name.toLowerCase())) kept.push(name, fields[at + 1] as string)
  }
  return kept
}

export function refused(status: number, message: string, details: Readonly<Record<string, unknown>> = {}): RequestRefusedError {
  return new RequestRefusedError(message, { status, details })
}
