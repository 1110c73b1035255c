import { BadRequest, ErrorInfo, RetryInfo } from '../generated/google/rpc/error_details.ts'
import { Status } from '../generated/google/rpc/status.ts'

/** Carries a serialized `google.rpc.Status`: the richer error model, https://grpc.io/docs/guides/error/#richer-error-model */
export const DETAILS_KEY = 'grpc-status-details-bin'
/** https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback */
export const PUSHBACK_KEY = 'grpc-retry-pushback-ms'

/** What is wrong with one field of a request. */
export interface FieldIssue {
  /** With dots. */
  readonly path: string
  readonly message: string
}

/** The parts of the richer error model that this package writes and reads. */
export interface StatusDetails {
  /** Why, for programs (`ErrorInfo.reason`): A-Z, 0-9 and underscores. */
  readonly reason?: string
  /** Whose reason it is (`ErrorInfo.domain`). */
  readonly domain?: string
  /** `ErrorInfo.metadata`. */
  readonly info?: Readonly<Record<string, string>>
  /** `RetryInfo.retry_delay`. */
  readonly retryAfterMs?: number
  /** `BadRequest.field_violations`. */
  readonly issues?: readonly FieldIssue[]
}

const TYPE = 'type.googleapis.com/google.rpc.'

/** @returns the value for `grpc-status-details-bin` */
export function encodeDetails(code: number, message: string, details: StatusDetails): Buffer {
  const { reason, domain = '', info = {}, retryAfterMs, issues } = details
  const packed: { typeUrl: string; value: Uint8Array }[] = []
  const pack = (name: string, value: Uint8Array): void => void packed.push({ typeUrl: TYPE + name, value })
  if (reason !== undefined) pack('ErrorInfo', ErrorInfo.encode({ reason, domain, metadata: info }).finish())
  if (retryAfterMs !== undefined) {
    const seconds = Math.floor(retryAfterMs / 1000)
    const retryDelay = { seconds: BigInt(seconds), nanos: Math.round((retryAfterMs - seconds * 1000) * 1e6) }
    pack('RetryInfo', RetryInfo.encode({ retryDelay }).finish())
  }
  if (issues !== undefined) {
    const fieldViolations = issues.map(({ path, message: description }) => ({ field: path, description, reason: '' }))
    pack('BadRequest', BadRequest.encode({ fieldViolations }).finish())
  }
  return Buffer.from(Status.encode({ code, message, details: packed }).finish())
}

/** Reads what another party wrote: what cannot be decoded is as good as absent. */
export function decodeDetails(bytes: Uint8Array): StatusDetails {
  try {
    const { details } = Status.decode(bytes)
    return Object.assign({}, ...details.map(({ typeUrl, value }) => decodeOne(typeUrl, value))) as StatusDetails
  } catch {
    return {}
  }
}

function decodeOne(typeUrl: string, value: Uint8Array): StatusDetails {
  switch (typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) {
    case 'google.rpc.ErrorInfo': {
      const { reason, domain, metadata } = ErrorInfo.decode(value)
      return { reason, domain, ...(Object.keys(metadata).length === 0 ? {} : { info: metadata }) }
    }
    case 'google.rpc.RetryInfo': {
      const { retryDelay } = RetryInfo.decode(value)
      return retryDelay === undefined ? {} : { retryAfterMs: Number(retryDelay.seconds) * 1000 + retryDelay.nanos / 1e6 }
    }
    case 'google.rpc.BadRequest': {
      const { fieldViolations } = BadRequest.decode(value)
      return { issues: fieldViolations.map(({ field, description }) => ({ path: field, message: description })) }
    }
    default:
      return {}
  }
}
