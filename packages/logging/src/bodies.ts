import { REDACTED } from '@comm/core'

const BODY_KEYS: ReadonlySet<string> = new Set([
  'body',
  'requestBody',
  'responseBody',
  'rawBody',
  'payload',
  'request_body',
  'response_body',
  'raw_body',
])
/** A longer text is not worth parsing for a log line; what of it is shown is cut from the text. */
const LONGEST_PARSED = 262_144
const FORM = /^[\w.%+[\]-]+=/

/** Whether what is under this key is the body of a request, an answer or a message. */
export function isBodyKey(key: string): boolean {
  return BODY_KEYS.has(key)
}

/** JSON as data; a form without its secrets; another text as it is. A text too long to be looked through is not shown. */
export function parsedBody(text: string, isSecret: (key: string) => boolean): unknown {
  const isJson = /^\s*[[{]/.test(text)
  if (!isJson && !FORM.test(text)) return text
  if (text.length > LONGEST_PARSED) return `[${text.length} characters]`
  if (!isJson) return redactedForm(text, isSecret)
  try {
    return JSON.parse(text) as unknown
  } catch {
    // Cut off, or not JSON after all: what looks like a member with a secret is taken out.
    return text.replace(MEMBER, (whole: string, start: string, key: string) => (isSecret(key) ? `${start}"${REDACTED}"` : whole))
  }
}

const MEMBER = /("((?:[^"\\]|\\.){1,64})"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)/g

function redactedForm(text: string, isSecret: (key: string) => boolean): string {
  return text
    .split('&')
    .map((pair) => {
      const name = pair.split('=', 1)[0] ?? ''
      return isSecret(decoded(name)) ? `${name}=${REDACTED}` : pair
    })
    .join('&')
}

/** As a form writes names: `card%5Bnumber%5D`. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}
