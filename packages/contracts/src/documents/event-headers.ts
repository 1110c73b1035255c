import type { JsonSchema } from '@comm/core/schema'

const PROPERTIES: Readonly<Record<string, JsonSchema>> = {
  ce_specversion: { type: 'string', const: '1.0' },
  ce_id: { type: 'string', description: 'Of this one message; it stays the same when the message is sent again.' },
  ce_source: { type: 'string', description: 'The service that sent it.' },
  ce_type: { type: 'string', description: 'The topic, where the sender says nothing else.' },
  ce_time: { type: 'string', format: 'date-time', description: 'When it was published.' },
  ce_subject: { type: 'string', description: 'What it is about, within its source.' },
  ce_correlationid: { type: 'string', description: 'Ties together what one request causes.' },
  ce_partitionkey: { type: 'string', description: 'Messages of one key keep their order.' },
  ce_expirytime: { type: 'string', format: 'date-time', description: 'The message is dropped unread after it.' },
  traceparent: { type: 'string', description: 'W3C Trace Context.' },
  tracestate: { type: 'string', description: 'W3C Trace Context.' },
}

const ABOUT =
  'CloudEvents 1.0 in binary mode with the prefix ce_ on every broker; where a broker has no headers, the message is CloudEvents JSON and these are its attributes, without the prefix.'

/** Of what `@comm/messaging` sends. */
export const SENT_HEADERS: JsonSchema = Object.freeze({
  title: 'SentHeaders',
  description: ABOUT,
  type: 'object',
  properties: PROPERTIES,
  required: ['ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_time', 'ce_correlationid'],
})

/** Of what it receives: a plain client of the broker may write none of them. */
export const RECEIVED_HEADERS: JsonSchema = Object.freeze({
  title: 'ReceivedHeaders',
  description: `${ABOUT} None of them is required.`,
  type: 'object',
  properties: PROPERTIES,
})

/** Where AsyncAPI finds what ties messages together. */
export const CORRELATION_ID: Readonly<{ location: string }> = Object.freeze({ location: '$message.header#/ce_correlationid' })
