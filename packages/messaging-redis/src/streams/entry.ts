import type { HeaderValue, OutboundRecord } from '@comm/messaging'
import { type Content, headersFromJson, headersToJson } from '@comm/messaging/adapter'
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
  return [Buffer.from(body.buffer, body.byteOffset, body.byteLength), json === '{}' ? '' : json, key]
}

const NO_HEADERS: Readonly<Record<string, HeaderValue>> = Object.freeze({})

/**
 * Foreign entries may have any fields: beside a `body` the others are headers, and so is a field `headers` that is no JSON object;
 * without a body all of them make up a JSON object that is taken as the body.
 */
export function decodeEntry(fields: Fields): Content {
  let body: Buffer | undefined
  let key: string | undefined
  let headers: Record<string, HeaderValue> | undefined
  let others: Record<string, HeaderValue> | undefined
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = String(fields[at])
    const value = fields[at + 1] as Buffer
    if (name === 'body') body = value
    else if (name === 'key') key = String(value)
    else {
      const text = String(value)
      const packed = name === 'headers' ? headersFromJson(text) : undefined
      if (packed === undefined) others = { ...others, [name]: text }
      else headers = packed
    }
  }
  if (body === undefined) return { body: Buffer.from(JSON.stringify(allFields(fields))), key, headers: NO_HEADERS }
  return { body, key, headers: others === undefined ? (headers ?? NO_HEADERS) : { ...others, ...headers } }
}

function allFields(fields: Fields): Record<string, string> {
  const all: Record<string, string> = {}
  for (let at = 0; at + 1 < fields.length; at += 2) all[String(fields[at])] = String(fields[at + 1])
  return all
}
