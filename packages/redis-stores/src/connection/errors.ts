import {
  AuthenticationError,
  AuthorizationError,
  CommunicationError,
  ConfigurationError,
  ConnectionError,
  ServiceUnavailableError,
} from '@comm/core'
import {
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  DisconnectsClientError,
  ErrorReply,
  RootNodesUnavailableError,
  SocketClosedUnexpectedlyError,
  SocketTimeoutError,
} from 'redis'

const CONNECTION_ERRORS = [
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  DisconnectsClientError,
  RootNodesUnavailableError,
  SocketClosedUnexpectedlyError,
  SocketTimeoutError,
]

/** Replies of a server that is there, but cannot serve yet, or not any more. */
const NOT_SERVING = new Set(['LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'READONLY', 'UNBLOCKED', 'MOVED', 'ASK'])
/** Replies of a server that cannot do this now. */
const BUSY = new Set(['OOM', 'BUSY', 'MISCONF', 'NOREPLICAS', 'TRYAGAIN'])

/**
 * Any failure of a command or a connection as an error of ours; total.
 * @param what completes `cannot …`: `connect to Redis at localhost:6379`
 */
export function redisError(thrown: unknown, what: string): CommunicationError {
  if (thrown instanceof CommunicationError) return thrown
  if (thrown instanceof ErrorReply) return replyError(thrown, what)
  const converted = CommunicationError.from(thrown)
  if (converted instanceof ConnectionError || CONNECTION_ERRORS.some((type) => thrown instanceof type)) {
    const text = `cannot ${what}: ${converted.message}. Check host, port, TLS and that the server runs`
    return new ConnectionError(text, { cause: thrown, details: converted.details })
  }
  const code = codeOf(thrown)
  if (isTlsError(code, converted.message)) {
    const text = `cannot ${what}: TLS failed (${converted.message}). Check ssl: the authority, the certificate, and that this port speaks TLS`
    return new ConnectionError(text, { cause: thrown, details: { system: code } })
  }
  return new CommunicationError(`cannot ${what}: ${converted.message}`, { cause: thrown, retryable: converted.retryable })
}

/** By shape, not by class: errors come from other realms. */
function codeOf(thrown: unknown): string {
  const code: unknown = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : ''
}

function isTlsError(code: string, message: string): boolean {
  return (
    /^(?:ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|EPROTO|HOSTNAME)/.test(code) || /\bTLS\b/.test(message)
  )
}

function replyError(reply: Error, what: string): CommunicationError {
  const kind = /^[A-Z]+/.exec(reply.message)?.[0] ?? 'ERR'
  const options = { cause: reply, details: { reply: kind } }
  if (kind === 'WRONGPASS' || kind === 'NOAUTH' || /^ERR (?:AUTH|invalid password|Client sent AUTH)/i.test(reply.message)) {
    return new AuthenticationError(`cannot ${what}: Redis refused the login (${kind}). Check username and password`, options)
  }
  if (kind === 'NOPERM') {
    return new AuthorizationError(`cannot ${what}: ${reply.message}. Grant the user of this client what is missing`, options)
  }
  if (/DB index is out of range/.test(reply.message)) {
    return new ConfigurationError(`cannot ${what}: the server has no such database. Check the option database`, options)
  }
  if (NOT_SERVING.has(kind))
    return new ConnectionError(`cannot ${what}: the server does not serve now (${reply.message})`, options)
  if (BUSY.has(kind)) return new ServiceUnavailableError(`cannot ${what}: ${reply.message}`, options)
  if (kind === 'WRONGTYPE') {
    const text = `cannot ${what}: a key of that name holds something else. Choose another topic, or set keyPrefix`
    return new CommunicationError(text, options)
  }
  return new CommunicationError(`cannot ${what}: ${reply.message}`, options)
}

/** Whether a command that failed so had certainly no effect: it never left, or the server refused it. */
export function hadNoEffect(thrown: unknown): boolean {
  return thrown instanceof ErrorReply || thrown instanceof ClientOfflineError || thrown instanceof ClientClosedError
}

/** Whether a stream, a group or a blocked read ended because somebody deleted the key. */
export function isGone(thrown: unknown): boolean {
  return thrown instanceof ErrorReply && /^(?:NOGROUP|UNBLOCKED)/.test(thrown.message)
}

/** A reply that came as a value, inside that of a script. */
export function replyAsError(text: string, what: string): CommunicationError {
  return replyError(new Error(text), what)
}
