import { isSecretKey, REDACTED } from '@comm/core'

/** Bytes have no JSON form: they go out as base64 under a name of their own. */
export function bodyFields(body: unknown, bytes?: Uint8Array): { readonly body?: unknown; readonly bodyBase64?: string } {
  const binary = body instanceof Uint8Array ? body : body === undefined ? bytes : undefined
  return binary === undefined ? { body } : { bodyBase64: Buffer.from(binary).toString('base64') }
}

/** One line of text for people. */
export function bodyText(body: unknown): string {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? `(${body.byteLength} bytes) ${Buffer.from(body).toString('base64')}` : JSON.stringify(body)
}

/**
 * The body of a message without content type: JSON or text when it is that, else the bytes. One that has a content type was decoded by
 * its codec already.
 */
export function guessBody(body: unknown): unknown {
  if (!(body instanceof Uint8Array)) return body
  const text = utf8(body)
  if (text === undefined) return body
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Undefined when the bytes are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Headers as text, and without what their names say is secret. */
export function headersOf(headers: Readonly<Record<string, string | Uint8Array>>): Readonly<Record<string, string>> {
  const shown = ([name, value]: [string, string | Uint8Array]): [string, string] => [
    name,
    isSecretKey(name) ? REDACTED : typeof value === 'string' ? value : (utf8(value) ?? Buffer.from(value).toString('base64')),
  ]
  return Object.fromEntries(Object.entries(headers).map(shown))
}
