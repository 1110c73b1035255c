import type { HeaderValue } from './broker.ts'

/**
 * The headers of a message on the wire, all lower case. The event's own attributes are CloudEvents 1.0 in binary mode with the
 * `ce_` prefix of its Kafka binding on every broker, extensions `correlationid`, `expirytime` and `partitionkey` included; the
 * trace is W3C. What only our pipeline needs begins with `comm-`. A plain client may write none of them.
 */
export const CONTENT_TYPE = 'content-type'
export const CE_SPEC_VERSION = 'ce_specversion'
export const CE_ID = 'ce_id'
export const CE_SOURCE = 'ce_source'
export const CE_TYPE = 'ce_type'
export const CE_TIME = 'ce_time'
export const CE_SUBJECT = 'ce_subject'
export const CE_CORRELATION_ID = 'ce_correlationid'
/** RFC 3339; the message is dropped unread after it. */
export const CE_EXPIRY_TIME = 'ce_expirytime'
export const CE_PARTITION_KEY = 'ce_partitionkey'
export const TRACE_PARENT = 'traceparent'
export const TRACE_STATE = 'tracestate'

/** How often a handler has tried already; absent: never. */
export const ATTEMPTS = 'comm-attempts'
/** Epoch milliseconds at which this group saw the message first. */
export const FIRST_SEEN = 'comm-first-seen'
/** Epoch milliseconds before which it must not be handled. */
export const NOT_BEFORE = 'comm-not-before'
/** The id of a foreign message (one without `ce_id`), kept when we publish it again. */
export const FOREIGN_ID = 'comm-id'

/** On a dead letter: why, in one word. */
export const DEAD_REASON = 'comm-dead-reason'
export const DEAD_CODE = 'comm-dead-code'
export const DEAD_MESSAGE = 'comm-dead-message'
export const DEAD_TOPIC = 'comm-dead-topic'
export const DEAD_GROUP = 'comm-dead-group'
/** Epoch milliseconds. */
export const DIED_AT = 'comm-died-at'
/** `true` when headers were cut so that the broker takes the dead letter. */
export const DEAD_TRUNCATED = 'comm-dead-truncated'
/** Its value where part of the body is gone, not only headers. */
export const TRUNCATED_BODY = 'body'
/** How often the message was replayed out of the dead-letter topic. */
export const REPLAYS = 'comm-replays'

/** On a request: the topic that the reply goes to. */
export const REPLY_TO = 'comm-reply-to'
/** On a reply or a cancellation: the `ce_id` of the request. */
export const IN_REPLY_TO = 'comm-in-reply-to'
/** On a reply: `ok` or `error`. */
export const REPLY_STATUS = 'comm-reply-status'

const decoder = new TextDecoder()

export type Headers = Readonly<Record<string, HeaderValue>>

export function textOf(value: HeaderValue | undefined): string | undefined {
  return typeof value === 'object' ? decoder.decode(value) : value
}

/** The header as a number; undefined when it is absent or none. */
export function numberOf(value: HeaderValue | undefined): number | undefined {
  if (value === undefined) return undefined
  const number = Number(textOf(value))
  return Number.isFinite(number) ? number : undefined
}

/** True for headers that belong to the message format, which users set through options instead. */
export function isReservedHeader(name: string): boolean {
  return (
    name.startsWith('ce_') || name.startsWith('comm-') || name === CONTENT_TYPE || name === TRACE_PARENT || name === TRACE_STATE
  )
}
