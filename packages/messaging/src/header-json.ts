import type { HeaderValue } from './broker.ts'
import type { Headers } from './headers.ts'

/** All headers as one JSON object, for what carries none itself; bytes as `{ "base64": … }`. */
export function headersToJson(headers: Headers): string {
  for (const name in headers) if (typeof headers[name] !== 'string') return JSON.stringify(headers, toBase64)
  return JSON.stringify(headers)
}

/** A Buffer comes here as what its own toJSON made of it, a plain Uint8Array as itself: the holder has the original. */
function toBase64(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[name]
  if (!(original instanceof Uint8Array)) return value
  return { base64: Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64') }
}

/** Foreign numbers come as text, foreign tables as JSON text. @returns undefined when the text is no JSON object */
export function headersFromJson(text: string): Record<string, HeaderValue> | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
  const headers = parsed as Record<string, unknown>
  for (const name in headers) if (typeof headers[name] !== 'string') headers[name] = headerValue(headers[name])
  return headers as Record<string, HeaderValue>
}

function headerValue(value: unknown): HeaderValue {
  if (typeof value !== 'object' || value === null) return String(value)
  const { base64 } = value as { readonly base64?: unknown }
  return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : JSON.stringify(value)
}
