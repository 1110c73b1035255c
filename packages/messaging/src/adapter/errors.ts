import { CommunicationError, ConnectionError, ConsumeError, PublishError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '../broker.ts'

export const STORED: PublishResult = Object.freeze({ ok: true })

/** The broker certainly does not have it. */
export function refused(error: CommunicationError): PublishResult {
  return { ok: false, stored: 'no', error }
}

/** The broker may have it. */
export function maybeStored(error: CommunicationError): PublishResult {
  return { ok: false, stored: 'unknown', error }
}

/** The same answer for every record of a publish. */
export function allRefused(records: readonly OutboundRecord[], error: CommunicationError): readonly PublishResult[] {
  return records.map(() => refused(error))
}

export function unsupported(message: string): CommunicationError {
  return new CommunicationError(message, { code: 'COMM_UNSUPPORTED' })
}

/** The errors that mean the same with every broker, in words that name this one. */
export interface AdapterErrors {
  /** @param what is closed, as in `<what> is closed`. @default 'the adapter' */
  closed(what?: string): CommunicationError
  /** @param what was under way, as in `<what> RabbitMQ was aborted` */
  aborted(what: string, signal: AbortSignal): CommunicationError
  /** @param what was attempted, as in `cannot <what>`; `reason`: why there is no connection, when known */
  notConnected(what: string, reason?: CommunicationError): ConnectionError
  /** @param why no queue, group or subscriber takes the topic */
  unroutable(topic: string, why: string): PublishError
  /** @param limit the option or setting that says so */
  tooLarge(record: OutboundRecord, maxBodyBytes: number, limit: string): PublishError
  /** The broker took away what a subscription lived on. */
  gone(what: string, cause?: unknown): ConsumeError
}

/** @param broker its name, for people */
export function adapterErrors(broker: string): AdapterErrors {
  return {
    closed: (what = 'the adapter') =>
      new CommunicationError(`${what} for ${broker} is closed. Create a new one, or close it later`, { code: 'COMM_CLOSED' }),
    aborted: (what, signal) =>
      new CommunicationError(`${what} ${broker} was aborted by its caller`, { code: 'COMM_ABORTED', cause: signal.reason }),
    notConnected: (what, reason) =>
      new ConnectionError(
        `cannot ${what}: there is no connection to ${broker}. ${reason?.message ?? 'Connect the adapter first'}`,
        reason && { cause: reason },
      ),
    unroutable: (topic, why) =>
      new PublishError(`nobody takes topic ${topic}: ${why}. Subscribe first, or publish with unroutable: 'ignore'`, {
        code: 'COMM_UNROUTABLE',
        details: { topic },
      }),
    tooLarge: ({ topic, body: { byteLength: bytes } }, maxBodyBytes, limit) =>
      new PublishError(
        `a record for topic ${topic} has ${bytes} bytes, ${broker} takes ${maxBodyBytes} (${limit}). Send less, or publish a reference to the data`,
        { retryable: false, details: { topic, bytes, maxBodyBytes } },
      ),
    gone: (what, cause) =>
      new ConsumeError(`the subscription ended because ${what} was deleted from ${broker}`, { retryable: false, cause }),
  }
}
