import { type CommunicationError, ConnectionError } from '@comm/core'
import type { Instance } from '@comm/core/balancing'
import { refused } from '../message/request-head.ts'
import type { UpstreamCall } from './upstream-call.ts'

/** OpenSSL's and Node's codes of a certificate or handshake that will be no better next time. */
const TLS_CODE = /^ERR_(TLS|SSL)|CERT|SELF_SIGNED|UNABLE_TO_/
/** What undici's parser refuses. */
const NOT_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)/
/** What undici refuses to send: the client's doing. */
const UNSENDABLE: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])

/** Turns what undici reported into an error of ours. */
export function upstreamError(
  thrown: Error,
  call: Pick<UpstreamCall, 'what' | 'upstream'>,
  instance: Instance,
  sent: 'no' | 'maybe',
  isAnswered: boolean,
): CommunicationError {
  const system = (thrown as NodeJS.ErrnoException).code
  const details = { upstream: call.upstream.name, instance: instance.id, sent, system }
  const where = `${call.what} at ${instance.id}`
  const options = { cause: thrown, details }
  if (system !== undefined && UNSENDABLE.has(system)) return refused(400, `the request cannot be sent on: ${thrown.message}`)
  if (system !== undefined && TLS_CODE.test(system))
    return new ConnectionError(`${where} failed in the TLS handshake: ${thrown.message}; check the certificates of both sides`, {
      ...options,
      retryable: false,
    })
  if (thrown.name === 'HTTPParserError' || (system !== undefined && NOT_HTTP.test(system)))
    return new ConnectionError(`${where} got an answer that is not HTTP: ${thrown.message}`, { ...options, retryable: false })
  if (isAnswered) return new ConnectionError(`${where} broke off in the middle of its answer: ${thrown.message}`, options)
  const outcome =
    sent === 'no' ? 'could not connect, nothing was sent' : 'lost the connection, the service may have seen the request'
  return new ConnectionError(`${where} ${outcome}: ${thrown.message}`, options)
}
