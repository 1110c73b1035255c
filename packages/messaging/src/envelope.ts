import { randomUUID } from 'node:crypto'
import { type CallContext, type Clock, ConsumeError, isCorrelationId, newCorrelationId } from '@comm/core'
import { type Context, propagation } from '@opentelemetry/api'
import type { BrokerFeatures, Delivery, HeaderValue, OutboundRecord } from './broker.ts'
import type { Codecs } from './codec.ts'
import {
  CE_CORRELATION_ID,
  CE_EXPIRY_TIME,
  CE_ID,
  CE_PARTITION_KEY,
  CE_SOURCE,
  CE_SPEC_VERSION,
  CE_SUBJECT,
  CE_TIME,
  CE_TYPE,
  CONTENT_TYPE,
  type Headers,
  NOT_BEFORE,
  textOf,
} from './headers.ts'
import type { PublishOptions } from './options/publish-options.ts'
import { pack, STRUCTURED_JSON, unpack } from './structured.ts'

/** What the format needs to know of the client. */
export interface EnvelopeSettings {
  readonly codecs: Codecs
  readonly source: string
  readonly clock: Clock
}

/**
 * Makes the record of a message: CloudEvents 1.0 in binary mode, the trace, the correlation id of the current context.
 *
 * @param context the call that it belongs to
 * @param traced the context whose trace goes with the message
 * @throws ValidationError when the body cannot be encoded
 */
export function seal(
  settings: EnvelopeSettings,
  topic: string,
  body: unknown,
  options: PublishOptions,
  context: CallContext | undefined,
  traced: Context,
  ours: Headers | undefined,
): OutboundRecord {
  const { codecs, source, clock } = settings
  const { key, subject, expiresAt, delayMs, priority, unroutable, id = randomUUID() } = options
  const contentType = options.contentType ?? codecs.typeFor(body)
  const bytes = codecs.encode(body, contentType, topic)
  const wall = clock.wall()
  const headers: Record<string, HeaderValue> = {
    [CONTENT_TYPE]: contentType,
    [CE_SPEC_VERSION]: '1.0',
    [CE_ID]: id,
    [CE_SOURCE]: source,
    [CE_TYPE]: options.type ?? topic,
    [CE_TIME]: timeOf(wall),
    // Outside of any context the message begins something, which its own id may name.
    [CE_CORRELATION_ID]:
      options.correlationId ??
      context?.correlationId ??
      (options.id === undefined || isCorrelationId(id) ? id : newCorrelationId()),
  }
  const sealed: Writable<OutboundRecord> = { topic, body: bytes, headers }
  if (options.headers !== undefined) Object.assign(headers, options.headers)
  if (ours !== undefined) Object.assign(headers, ours)
  if (subject !== undefined) headers[CE_SUBJECT] = subject
  if (key !== undefined) {
    sealed.key = key
    headers[CE_PARTITION_KEY] = key
  }
  if (delayMs !== undefined && delayMs > 0) {
    sealed.notBefore = wall + delayMs
    headers[NOT_BEFORE] = String(sealed.notBefore)
  }
  if (expiresAt !== undefined) {
    sealed.expiresAt = expiresAt
    headers[CE_EXPIRY_TIME] = new Date(expiresAt).toISOString()
  }
  if (priority !== undefined) sealed.priority = priority
  if (unroutable !== undefined) sealed.unroutable = unroutable
  propagation.inject(traced, headers)
  return sealed
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

const SECOND_MS = 1000

let second = Number.NaN
/** As RFC 3339 writes it, up to the fraction and its point. */
let secondText = ''

/** Many messages are made in one second, and formatting it costs as much as all the other headers. */
function timeOf(wall: number): string {
  const ms = Math.floor(wall)
  const begun = Math.floor(ms / SECOND_MS) * SECOND_MS
  if (begun !== second) {
    secondText = new Date(begun).toISOString().slice(0, -'000Z'.length)
    second = begun
  }
  return `${secondText}${String(ms - begun).padStart(3, '0')}Z`
}

const NONE: Headers = Object.freeze({})

/**
 * The record as this broker can carry it: in structured JSON where it has no headers.
 * @param codecs given when they have made the body
 */
export function record(features: Pick<BrokerFeatures, 'headers'>, logical: OutboundRecord, codecs?: Codecs): OutboundRecord {
  if (features.headers) return logical
  return packed(logical, codecs?.isOwnJson(textOf(logical.headers[CONTENT_TYPE]) ?? '') ?? false)
}

function packed(logical: OutboundRecord, isJson: boolean): OutboundRecord {
  return { ...logical, headers: NONE, body: pack(logical.headers, logical.body, isJson) }
}

/** What a message carries, told apart from how it travelled. */
export interface Content {
  readonly headers: Headers
  readonly body: Uint8Array
  /** The body as a JSON value, where reading the envelope has made it one. */
  readonly data?: unknown
  /** As that of a delivery. */
  readonly plainType?: string | undefined
}

/**
 * Headers and body as the publisher meant them, whatever the mode: an event in structured JSON is unpacked, also where the broker
 * has headers (a plain CloudEvents client may send either).
 *
 * @throws ConsumeError COMM_UNDECODABLE
 */
export function open(
  features: Pick<BrokerFeatures, 'headers'>,
  stored: Pick<Delivery, 'topic' | 'headers' | 'body' | 'plainType'>,
): Content {
  const contentType = stored.plainType ?? stored.headers[CONTENT_TYPE]
  const isStructured = contentType === undefined ? !features.headers : textOf(contentType)?.startsWith(STRUCTURED_JSON)
  if (!isStructured) return stored
  const event = unpack(stored.body)
  if (event !== undefined)
    return features.headers ? { headers: { ...stored.headers, ...event.headers }, body: event.body } : event
  if (contentType === undefined) return stored
  throw new ConsumeError(`a message of ${stored.topic} is not a CloudEvent in JSON, as its content type says`, {
    code: 'COMM_UNDECODABLE',
  })
}
