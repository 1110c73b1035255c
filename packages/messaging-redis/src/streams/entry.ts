import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import { asBuffer, type Content, headersFromJson, headersToJson, PackedContent } from '@comm/messaging/adapter'
import type { Argument } from '@comm/redis-stores/connection'

/** As Redis gives it: names and values in turn. */
export type Fields = readonly Buffer[]
export type RawEntry = readonly [id: Buffer, fields: Fields]

/**
 * An entry has the fields `body`, `headers` (a JSON object; bytes as `{ "base64": … }`; absent when there are none) and `key`.
 * One field for all headers, because eight fields of their own cost 1.7 times as much. Here as the publishing script takes them: empty
 * for what is absent.
 */
export function encodeEntry({ body, headers, key = '' }: OutboundRecord): [body: Argument, headers: string, key: string] {
  const json = headersToJson(headers)
  return [asBuffer(body), json === '{}' ? '' : json, key]
}

const BODY = Buffer.from('body')
const HEADERS = Buffer.from('headers')
const KEY = Buffer.from('key')
const NO_HEADERS: Readonly<Record<string, HeaderValue>> = Object.freeze({})

/**
 * Foreign entries may have any fields: beside a `body` the others are headers, and so is a field `headers` that is no JSON object;
 * without a body all of them make up a JSON object that is taken as the body.
 */
export function decodeEntry(fields: Fields): Content {
  let body: Buffer | undefined
  let key: string | undefined
  let packed: Buffer | undefined
  let others: Record<string, HeaderValue> | undefined
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] as Buffer
    const value = fields[at + 1] as Buffer
    if (isSame(name, BODY)) body = value
    else if (isSame(name, HEADERS)) packed = value
    else if (isSame(name, KEY)) key = String(value)
    else others = { ...others, [String(name)]: String(value) }
  }
  if (body === undefined) return { body: Buffer.from(JSON.stringify(allFields(fields))), key, headers: NO_HEADERS }
  if (packed === undefined) return { body, key, headers: others ?? NO_HEADERS }
  const content = others === undefined ? PackedContent.of(body, key, packed) : undefined
  if (content !== undefined) return content
  const text = String(packed)
  return { body, key, headers: { ...others, ...(headersFromJson(text) ?? { headers: text }) } }
}

/** Of short texts, without a call out of JavaScript. */
function isSame(one: Buffer, other: Buffer): boolean {
  if (one.length !== other.length) return false
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false
  return true
}

function allFields(fields: Fields): Record<string, string> {
  const all: Record<string, string> = {}
  for (let at = 0; at + 1 < fields.length; at += 2) all[String(fields[at])] = String(fields[at + 1])
  return all
}
