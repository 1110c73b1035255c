import { createHash } from 'node:crypto'

type Headers = Readonly<Record<string, string | Uint8Array>>

export const SIGNATURE_HEADER = 'comm-signature'

/** Headers that a signature must cover: which message, when, what of. */
export const NEEDED: readonly string[] = ['ce_id', 'ce_time', 'content-type']

/** Written anew on the way: traces by whoever takes part, the rest by retries. */
const WRITTEN_ANEW: ReadonlySet<string> = new Set([SIGNATURE_HEADER, 'traceparent', 'tracestate', 'baggage', 'ce_correlationid'])
/** Of ours the only ones that a publisher writes. */
const OF_REQUESTS: ReadonlySet<string> = new Set(['comm-reply-to', 'comm-in-reply-to', 'comm-reply-status'])

/** Whether a header is the publisher's word: it is signed, or must not be there. */
export function isCoverable(name: string): boolean {
  if (name.startsWith('comm-')) return OF_REQUESTS.has(name)
  return !WRITTEN_ANEW.has(name)
}

/** Brokers add such (`x-death` of RabbitMQ), so one that was not there when the message was signed proves nothing. */
export function isOfBroker(name: string): boolean {
  return name.startsWith('x-')
}

export function bytesOf(value: string | Uint8Array): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

export function coveredIn(headers: Headers): readonly string[] {
  return Object.keys(headers).filter(isCoverable).sort()
}

/**
 * What is signed: one line for the topic, one for each covered header, and the digest of the body. Values are base64url of their bytes: some
 * brokers give text back as bytes, and no value can look like another line.
 * @returns undefined when a covered header is missing
 */
export function signedText(
  topic: string,
  headers: Headers,
  body: Uint8Array,
  covered: readonly string[],
): Uint8Array | undefined {
  const lines = ['comm-message-1', `topic ${JSON.stringify(topic)}`]
  for (const name of covered) {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (value === undefined) return undefined
    lines.push(`${JSON.stringify(name)} ${bytesOf(value).toString('base64url')}`)
  }
  lines.push(`sha-256 ${createHash('sha256').update(body).digest('base64url')}`)
  return Buffer.from(lines.join('\n'))
}
