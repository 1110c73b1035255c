/**
 * The transport contract: all that the client asks of what moves the bytes. A transport makes one exchange and tells the
 * truth about how it ended. It never redirects, retries, decodes a content coding, caches, keeps cookies or judges a status;
 * the client does that once, for every transport.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Cancellation, Clock, TlsMaterial } from '@comm/core'
import type { ProxyOption } from './proxy/options.ts'

/** A body that can be sent again is bytes or a function; a stream is sent once. */
export type TransportBody = Uint8Array | Readable | (() => Readable)

/** How far one attempt has come. */
export interface TransferProgress {
  /** On the wire: a body that is decompressed counts as it came. */
  readonly bytes: number
  /** Absent when nobody says beforehand. */
  readonly totalBytes: number | undefined
}

/** How long each phase may last, in milliseconds; Infinity: no limit. */
export interface PhaseTimeouts {
  /** Until a connection is there: waiting for a free one, name lookup, TCP and TLS together. */
  readonly connectMs: number
  /** Sending the request, body included. */
  readonly writeMs: number
  /** The longest silence while the answer is awaited, and between two pieces of its body. */
  readonly readMs: number
}

export interface TransportRequest {
  readonly method: string
  readonly url: URL
  /** Lower-case names. Content-Length and Transfer-Encoding are the transport's own affair. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: TransportBody | undefined
  /** How long the stream of the body is, where that is known: sent as Content-Length in place of chunks. */
  readonly bodyBytes?: number | undefined
  /** `bytes`: the whole body, at once. `stream`: as soon as the headers are there. */
  readonly collect: 'bytes' | 'stream'
  /** More bytes than this on the wire end the exchange with COMM_TOO_LARGE. */
  readonly maxBytes: number
  readonly timeouts: PhaseTimeouts
  /** When the exchange, its body included, must be over, in `Clock.now()` milliseconds; Infinity: never. */
  readonly deadlineAt: number
  /** What a TLS connection is made with; requests with other material use other connections. */
  readonly tls?: TlsMaterial | undefined
  /** Told at the begin of the answer, and of each piece of its body. It does not throw. */
  readonly onDownload?: ((progress: TransferProgress) => void) | undefined
}

export interface TransportResponse {
  readonly status: number
  /** Lower-case names, as `node:http` joins them. */
  readonly headers: IncomingHttpHeaders
  /** Undecoded. A stream ends with an error of this contract when the exchange does not end well; destroy it to give up. */
  readonly body: Uint8Array | Readable
}

/**
 * Whether the request can have reached the server: `no` means it certainly has not, so that anything may be sent again.
 * Every ConnectionError and TimeoutError of a transport carries it as `details.sent`.
 */
export type Sent = 'no' | 'maybe'

/** A count of connections: open ones, those of them that are idle, and requests that wait for one. */
export interface TransportStats {
  readonly open: number
  readonly idle: number
  readonly pending: number
}

export interface HttpTransport extends AsyncDisposable {
  /** For logs and spans. */
  readonly name: string
  /**
   * Makes one exchange. Any status is an answer, not an error.
   * @param signal ends the exchange; its listener is gone when the promise has settled, or the streamed body has ended
   * @throws ConnectionError: no connection, or it broke (`details.sent`; `details.reused` when the connection had served before
   * and nothing of an answer came)
   * @throws TimeoutError: a phase or the deadline ran out (`details.sent`, `details.limit`: `connect`, `write`, `read` or `total`)
   * @throws CommunicationError COMM_TOO_LARGE, COMM_CLOSED after disposal; the signal's reason, as it is, after an abort
   */
  send(request: TransportRequest, signal: AbortSignal | undefined): Promise<TransportResponse>
  /** `send`, ended by something cheaper than a signal. A transport without it is given a signal for each attempt. */
  sendUntil?(request: TransportRequest, cancellation: Cancellation): Promise<TransportResponse>
  stats(): TransportStats
  /** Refuses new requests, waits for those under way, then closes every connection. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>
}

/** How a transport manages its connections. */
export interface PoolOptions {
  /** Connections to one origin; more requests wait. @default 100 */
  readonly maxConnections?: number
  /** Idle connections kept per origin. @default 20 */
  readonly maxKeepaliveConnections?: number
  /** How long an idle connection is kept; a shorter `Keep-Alive: timeout` of the server wins. @default 30000 */
  readonly keepaliveExpiryMs?: number
}

export interface TransportOptions extends PoolOptions {
  /** What requests go through. @default none, whatever the environment says */
  readonly proxy?: ProxyOption
  readonly clock?: Clock
}
