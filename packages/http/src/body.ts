import { Readable } from 'node:stream'
import { ValidationError } from '@comm/core'
import { describeValue } from '@comm/core/options'
import { appendQuery, type Query } from './query.ts'
import { refuse } from './refuse.ts'
import type { TransportBody } from './transport.ts'

/** A function is called for every attempt; a stream can be sent only once, so its request is never tried again. */
export type BodyInput = string | Uint8Array | Readable | AsyncIterable<Uint8Array> | (() => Readable | AsyncIterable<Uint8Array>)

/** At most one of the three. */
export interface BodyOptions {
  /** Sent as application/json. */
  readonly json?: unknown
  /** Sent as application/x-www-form-urlencoded. */
  readonly form?: Query
  /** Sent as it is; give its Content-Type in the headers. */
  readonly body?: BodyInput
}

export interface EncodedBody {
  readonly body: TransportBody
  /** Absent: the caller's own affair. */
  readonly contentType?: string
}

/** @throws ConfigurationError, and ValidationError for a value that JSON cannot carry */
export function encodeBody({ json, form, body }: BodyOptions): EncodedBody | undefined {
  const given = [json !== undefined && 'json', form !== undefined && 'form', body !== undefined && 'body'].filter(
    (name) => name !== false,
  )
  if (given.length > 1) refuse('request', 'given at most one of json, form and body', given.join(' and '))
  if (json !== undefined) return { body: Buffer.from(encodeJson(json)), contentType: 'application/json' }
  if (form !== undefined) return { body: Buffer.from(encodeForm(form)), contentType: 'application/x-www-form-urlencoded' }
  if (body === undefined) return undefined
  if (typeof body === 'string') return { body: Buffer.from(body), contentType: 'text/plain; charset=utf-8' }
  if (body instanceof Uint8Array) return { body }
  if (typeof body === 'function') return { body: () => toReadable(body()) }
  return { body: toReadable(body) }
}

/** True when the same bytes can be sent a second time. */
export function isReplayable(body: TransportBody | undefined): boolean {
  return !(body instanceof Readable)
}

function encodeJson(value: unknown): string {
  let encoded: string | undefined
  try {
    encoded = JSON.stringify(value)
  } catch (cause) {
    throw new ValidationError(`the json body cannot be written as JSON: ${(cause as Error).message}`, { cause })
  }
  if (encoded === undefined) throw new ValidationError(`the json body cannot be written as JSON: it is ${describeValue(value)}`)
  return encoded
}

function encodeForm(form: Query): string {
  const encoded = new URLSearchParams()
  appendQuery('form', encoded, form)
  return encoded.toString()
}

function toReadable(source: Readable | AsyncIterable<Uint8Array>): Readable {
  if (source instanceof Readable) return source
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source)
    return Readable.from(source, { objectMode: false })
  return refuse('body', 'text, bytes, a stream, an async iterable of bytes, or a function that gives one', describeValue(source))
}
