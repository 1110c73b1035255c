import { types } from 'node:util'
import { CommunicationError, ConnectionError } from '@comm/core'
import type { Sent, TransportRequest } from './transport.ts'
import { displayUrl } from './url.ts'

/** OpenSSL's and Node's codes of a certificate or handshake that will be no better next time. */
const TLS_CODE = /^ERR_(TLS|SSL)|CERT|SELF_SIGNED|UNABLE_TO_/

/** What the parsers of Node and undici refuse. */
const NOT_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)/

/**
 * Turns what a transport's library threw into the contract's error. The library's own error is not kept: it carries the
 * request's options, headers with credentials among them. The system error that caused it is.
 */
export function transportError(
  thrown: Error,
  { method, url }: TransportRequest,
  sent: Sent,
  reused: boolean,
): CommunicationError {
  const what = `${method} ${displayUrl(url)}`
  const system = (thrown as NodeJS.ErrnoException).code
  const cause = types.isNativeError(thrown.cause) ? thrown.cause : Object.assign(new Error(thrown.message), { code: system })
  const details = { method, url: displayUrl(url), sent, reused, system }
  if (thrown.name === 'UploadError')
    return new CommunicationError(`${what} failed: its body could not be read: ${thrown.message}`, { cause, details })
  if (system !== undefined && TLS_CODE.test(system)) {
    return new ConnectionError(
      `${what} failed in the TLS handshake: ${thrown.message}; check the certificates of both sides (${system})`,
      {
        cause,
        details,
        retryable: false,
      },
    )
  }
  if (thrown.name === 'HTTPParserError' || (system !== undefined && NOT_HTTP.test(system))) {
    return new ConnectionError(`${what} got an answer that is not HTTP: ${thrown.message}`, { cause, details, retryable: false })
  }
  const outcome =
    sent === 'no' ? 'could not connect, nothing was sent' : 'lost the connection, the server may have seen the request'
  return new ConnectionError(`${what} ${outcome}: ${thrown.message}`, { cause, details })
}

export function tooLarge({ method, url, maxBytes }: Pick<TransportRequest, 'method' | 'url' | 'maxBytes'>): CommunicationError {
  return new CommunicationError(`${method} ${displayUrl(url)} was answered with more than ${maxBytes} bytes (maxResponseBytes)`, {
    code: 'COMM_TOO_LARGE',
    details: { method, url: displayUrl(url), maxBytes },
  })
}
