import type { HeaderValue, OutboundRecord } from '../broker.ts'
import {
  ATTEMPTS,
  CE_CORRELATION_ID,
  CE_ID,
  DEAD_CODE,
  DEAD_GROUP,
  DEAD_MESSAGE,
  DEAD_REASON,
  DEAD_TOPIC,
  DEAD_TRUNCATED,
  DIED_AT,
  FIRST_SEEN,
  FOREIGN_ID,
  NOT_BEFORE,
  TRUNCATED_BODY,
  textOf,
} from '../headers.ts'
import type { Message } from '../message.ts'
import type { Outcome } from '../outcome.ts'

/** Where the dead letters of a group lie: every group finds its own there, and a replay reaches nobody else. */
export function deadTopic(topic: string, group: string): string {
  return `${topic}.${group}.dead`
}

/**
 * The group of the dead topic that dead letters are kept for. Not the one that failed: subscribed to `order.#`, it would get its own
 * dead letters back.
 */
export const DEAD_LETTER_GROUP = 'dead'

/** Headers that keep a message what it is when it is published again: its id, its correlation, its age. */
function kept(message: Message): Record<string, HeaderValue> {
  const headers: Record<string, HeaderValue> = {
    ...message.headers,
    [FIRST_SEEN]: String(message.firstSeenAt),
    [CE_CORRELATION_ID]: message.correlationId,
  }
  if (!(CE_ID in headers)) headers[FOREIGN_ID] = message.id
  return headers
}

function bodyAndKey(message: Message): Pick<OutboundRecord, 'body' | 'key'> {
  return message.key === undefined ? { body: message.bytes } : { body: message.bytes, key: message.key }
}

/**
 * The message once more, for its group alone, at `dueAt` (epoch milliseconds).
 * @param attemptsMade how many attempts count as made
 */
export function laterRecord(message: Message, group: string, dueAt: number, attemptsMade: number): OutboundRecord {
  const headers = kept(message)
  headers[NOT_BEFORE] = String(Math.ceil(dueAt))
  if (attemptsMade > 0) headers[ATTEMPTS] = String(attemptsMade)
  const { expiresAt } = message
  return {
    topic: message.topic,
    group,
    ...bodyAndKey(message),
    headers,
    notBefore: Math.ceil(dueAt),
    ...(expiresAt === undefined ? undefined : { expiresAt }),
  }
}

const LONGEST_MESSAGE = 1000
const LONGEST_WHEN_TRUNCATED = 200

/** The most that is kept of a body which the broker would not take whole. */
const BODY_PART_BYTES = 65_536

/**
 * What of a message becomes its dead letter. `body`: that and small headers, because the broker refused it with all of them; `part`: small
 * headers and the beginning of a body that is larger than the broker takes from us.
 */
export type Kept = 'all' | 'body' | 'part'

/** @param maxBodyBytes the broker's limit */
export function deadRecord(
  message: Message,
  group: string,
  outcome: Outcome & { kind: 'dead' },
  diedAt: number,
  what: Kept,
  maxBodyBytes: number = Number.POSITIVE_INFINITY,
): OutboundRecord {
  const truncated = what !== 'all'
  const headers = truncated ? small(kept(message)) : kept(message)
  delete headers[NOT_BEFORE]
  headers[ATTEMPTS] = String(message.attempt)
  headers[DEAD_REASON] = outcome.reason
  headers[DEAD_CODE] = outcome.error.code
  headers[DEAD_MESSAGE] = cut(outcome.error.message, truncated ? LONGEST_WHEN_TRUNCATED : LONGEST_MESSAGE)
  headers[DEAD_TOPIC] = message.topic
  headers[DEAD_GROUP] = group
  headers[DIED_AT] = String(diedAt)
  if (truncated) headers[DEAD_TRUNCATED] = what === 'part' ? TRUNCATED_BODY : 'true'
  const record = { topic: deadTopic(message.topic, group), group: DEAD_LETTER_GROUP, ...bodyAndKey(message), headers }
  return what === 'part' ? { ...record, body: record.body.subarray(0, Math.min(BODY_PART_BYTES, maxBodyBytes)) } : record
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`
}

function small(headers: Readonly<Record<string, HeaderValue>>): Record<string, HeaderValue> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => (textOf(value) ?? '').length <= LONGEST_WHEN_TRUNCATED))
}
