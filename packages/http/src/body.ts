import { Readable } from 'node:stream'
import { CommunicationError, ValidationError } from '@comm/core'
import { checkArgument, describeValue } from '@comm/core/options'
import { matching, standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { encodeMultipart } from './multipart.ts'
import { appendQuery, type Query } from './query.ts'
import { refuse } from './refuse.ts'
import type { TransportBody } from './transport.ts'

/** A function is called for every attempt; a stream can be sent only once, so its request is never tried again. */
export type BodyInput = string | Uint8Array | Readable | AsyncIterable<Uint8Array> | (() => Readable | AsyncIterable<Uint8Array>)

/** At most one of the four. */
export interface BodyOptions {
  /** Sent as application/json. */
  readonly json?: unknown
  /** Sent as application/x-www-form-urlencoded. */
  readonly form?: Query
  /** Sent as multipart/form-data: fields and files, such as those of `fs.openAsBlob`, which every attempt reads anew. */
  readonly multipart?: FormData
  /** Sent as it is; give its Content-Type in the headers. */
  readonly body?: BodyInput
  /** How long a `body` that is a stream is, in bytes: sent as Content-Length, where it would go in chunks without. */
  readonly bodyBytes?: number
}

export interface EncodedBody {
  readonly body: TransportBody
  /** Where it is known of a stream. */
  readonly bodyBytes?: number
  /** Absent: the caller's own affair. */
  readonly contentType?: string
}

/** @throws ConfigurationError, and ValidationError for a value that JSON cannot carry */
export function encodeBody(options: BodyOptions): EncodedBody | undefined {
  const { json, form, multipart, body, bodyBytes } = options
  if (
    Number(json !== undefined) + Number(form !== undefined) + Number(multipart !== undefined) + Number(body !== undefined) >
    1
  ) {
    const given = (['json', 'form', 'multipart', 'body'] as const).filter((name) => options[name] !== undefined)
    refuse('request', 'given at most one of json, form, multipart and body', given.join(' and '))
  }
  const isStream = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)
  if (bodyBytes !== undefined && !isStream) refuse('request.bodyBytes', 'given with a body that is a stream', 'another body')
  if (json !== undefined) return { body: Buffer.from(encodeJson(json)), contentType: 'application/json' }
  if (form !== undefined) return { body: Buffer.from(encodeForm(form)), contentType: 'application/x-www-form-urlencoded' }
  if (multipart !== undefined) return encodeMultipart(multipart)
  if (body === undefined) return undefined
  if (typeof body === 'string') return { body: Buffer.from(body), contentType: 'text/plain; charset=utf-8' }
  if (body instanceof Uint8Array) return { body }
  const known = bodyBytes === undefined ? {} : { bodyBytes }
  if (typeof body === 'function') return { body: () => toReadable(made(body)), ...known }
  return { body: toReadable(body), ...known }
}

/** @throws CommunicationError for whatever a function throws that is to make a body */
function made(make: () => Readable | AsyncIterable<Uint8Array>): Readable | AsyncIterable<Uint8Array> {
  try {
    return make()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : describeValue(cause)
    throw new CommunicationError(`the body of a request could not be made: ${why}`, { cause })
  }
}

/** The options with what a schema makes of their `json`. @throws ValidationError */
export async function withCheckedJson<Options extends BodyOptions>(options: Options, schema: StandardSchemaV1): Promise<Options> {
  checkArgument('request.bodySchema', schema, standardSchema)
  return { ...options, json: await matching('the json of a request', schema, options.json) }
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
