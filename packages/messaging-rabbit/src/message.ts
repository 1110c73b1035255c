import { createHash, randomBytes } from 'node:crypto'
import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import type { Content } from '@comm/messaging/adapter'
import type { Message, MessageFields } from '@comm/rabbit-driver'

/** AMQP has no key; it travels in this header. */
const KEY_HEADER = 'comm-key'
const CONTENT_TYPE = 'content-type'

/** What a plain AMQP client may have set beside headers, by the header that shows it. */
const PROPERTIES: readonly (readonly [header: string, property: keyof Message['properties']])[] = [
  ['content-encoding', 'contentEncoding'],
  ['amqp-correlation-id', 'correlationId'],
  ['amqp-reply-to', 'replyTo'],
  ['amqp-type', 'type'],
  ['amqp-app-id', 'appId'],
  ['amqp-user-id', 'userId'],
]

const BROKER_HEADERS = /^x-(?:death|(?:first|last)-death-\w+|delivery-count|acquired-count|opt-[\w-]+)$/

/** Written by RabbitMQ itself: why and how often a message was moved or delivered. */
function isBrokers(name: string): boolean {
  return name.startsWith('x-') && BROKER_HEADERS.test(name)
}

/** Ids of messages are this and a number: no other process has the same. They name them in confirms and, for consumers, for ever. */
const ID_PREFIX = `${randomBytes(9).toString('base64url')}.`
let written = 0

/** What goes beside the body. @param wall now @param hasRanks queues with priorities */
export function fieldsOf(
  record: OutboundRecord,
  exchange: string,
  routingKey: string,
  wall: number,
  hasRanks: boolean,
): MessageFields {
  const { headers, key, expiresAt, notBefore, priority, unroutable } = record
  // In a delay queue it would end the delay.
  const lasts = expiresAt === undefined || notBefore !== undefined ? undefined : Math.max(0, Math.ceil(expiresAt - wall))
  return {
    exchange,
    routingKey,
    mandatory: unroutable !== 'ignore',
    headers: key === undefined ? headers : { ...headers, [KEY_HEADER]: key },
    messageId: ID_PREFIX + (++written).toString(36),
    expiration: lasts?.toString(),
    priority: hasRanks ? priority : undefined,
  }
}

/** What a message carries, as its publisher meant it. */
export function contentOf({ content, properties }: Message): Content {
  const key: unknown = properties.headers?.[KEY_HEADER]
  return { key: typeof key === 'string' ? key : undefined, body: content, headers: headersOf(properties) }
}

/** The headers as their publisher meant them, whatever client that was. */
function headersOf(properties: Message['properties']): Readonly<Record<string, HeaderValue>> {
  const received: Readonly<Record<string, unknown>> = properties.headers ?? {}
  const headers: Record<string, HeaderValue> = {}
  for (const name in received) {
    const value = received[name]
    if (name === KEY_HEADER || value === null || value === undefined || isBrokers(name)) continue
    headers[name] = typeof value === 'string' || Buffer.isBuffer(value) ? value : foreignValue(value)
  }
  if (properties.contentType !== undefined) headers[CONTENT_TYPE] ??= String(properties.contentType)
  for (const [header, property] of PROPERTIES) {
    if (properties[property] !== undefined) headers[header] ??= String(properties[property])
  }
  return headers
}

/** Numbers and booleans as text, tables and arrays as JSON; amqplib wraps the types that JavaScript has not. */
function foreignValue(value: unknown): string {
  if (typeof value !== 'object') return String(value)
  const { '!': type, value: inner } = value as { readonly '!'?: unknown; readonly value?: unknown }
  return type === 'timestamp' ? String(inner) : JSON.stringify(type === undefined ? value : inner)
}

const ID_CHARACTERS = 22

/** Its publisher's message id. Without one, a fingerprint, so that it is the same again at a redelivery; two equal messages share it. */
export function idOf({ content, fields, properties }: Message): string {
  if (properties.messageId !== undefined) return String(properties.messageId)
  const { headers = {}, ...others } = properties
  const lasting = Object.entries(headers).filter(([name]) => !isBrokers(name))
  return createHash('sha256')
    .update(JSON.stringify([fields.routingKey, others, lasting]))
    .update(content)
    .digest('base64url')
    .slice(0, ID_CHARACTERS)
}

/** AMQP counts in seconds. */
export function timestampOf({ properties }: Message): number | undefined {
  const seconds: unknown = properties.timestamp
  return typeof seconds === 'number' ? seconds * 1000 : undefined
}

/** How often a quorum queue delivered it before; classic queues only know whether they did. */
export function redeliveriesOf({ fields, properties }: Message): number | undefined {
  const count: unknown = properties.headers?.['x-acquired-count'] ?? properties.headers?.['x-delivery-count']
  if (typeof count === 'number') return count
  return fields.redelivered ? undefined : 0
}
