import { ConsumeError, ValidationError } from '@comm/core'
import { describeValue } from '@comm/core/options'

/** Turns bodies into bytes and back for one content type. Both directions may throw anything; the trunk converts it. */
export interface Codec {
  /** Without parameters, lower case: `application/json`. */
  readonly contentType: string
  encode(body: unknown): Uint8Array
  decode(body: Uint8Array): unknown
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true })
const REPLACEMENT = '\ufffd'
const BYTE_ORDER_MARK = 0xfeff

/** What the decoder makes of it; a Buffer makes the same text sooner, unless it says that bytes were no UTF-8, or begins with a mark. */
function textOf(body: Uint8Array): string {
  if (!Buffer.isBuffer(body)) return strictDecoder.decode(body)
  const text = body.toString()
  return text.charCodeAt(0) === BYTE_ORDER_MARK || text.includes(REPLACEMENT) ? strictDecoder.decode(body) : text
}

/** UTF-8, out of Node's pool: ten times as fast as a TextEncoder, which allocates anew each time. */
function bytesOf(text: string): Uint8Array {
  return Buffer.from(text)
}

export const jsonCodec: Codec = {
  contentType: 'application/json',
  encode(body) {
    const text = JSON.stringify(body) as string | undefined
    if (text === undefined) throw new TypeError(`${typeof body} has no JSON form`)
    return bytesOf(text)
  },
  decode: (body) => JSON.parse(textOf(body)),
}

export const textCodec: Codec = {
  contentType: 'text/plain',
  encode(body) {
    if (typeof body !== 'string') throw new TypeError(`text/plain takes a string, got ${describeValue(body)}`)
    return bytesOf(body)
  },
  decode: textOf,
}

export const bytesCodec: Codec = {
  contentType: 'application/octet-stream',
  encode(body) {
    if (!(body instanceof Uint8Array))
      throw new TypeError(`application/octet-stream takes a Uint8Array, got ${describeValue(body)}`)
    return body
  },
  decode: (body) => body,
}

/** `application/json; charset=utf-8` without its parameters, lower case. */
export function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

/** The codecs of a client by content type. JSON, text and bytes are always there; a codec given later takes the place of an earlier one. */
export class Codecs {
  readonly #byType = new Map<string, Codec>()

  constructor(more: readonly Codec[] = []) {
    for (const codec of [jsonCodec, textCodec, bytesCodec, ...more]) this.#byType.set(mediaType(codec.contentType), codec)
  }

  /** Bytes go out as `application/octet-stream`, strings as `text/plain`, everything else as JSON. */
  typeFor(body: unknown): string {
    if (typeof body === 'string') return textCodec.contentType
    return body instanceof Uint8Array ? bytesCodec.contentType : jsonCodec.contentType
  }

  /** Whether bodies of this content type are read and written by the JSON codec that is always there. */
  isOwnJson(contentType: string): boolean {
    return this.#find(contentType) === jsonCodec
  }

  /** @throws ValidationError when the body has no form in this content type */
  encode(body: unknown, contentType: string, topic: string): Uint8Array {
    const codec = this.#find(contentType)
    if (codec === undefined) {
      throw new ValidationError(
        `a message for ${topic} cannot be encoded: no codec for content type ${contentType}; pass one in the client's codecs`,
      )
    }
    try {
      return codec.encode(body)
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message.split('\n', 1)[0] : String(thrown)
      throw new ValidationError(`a message for ${topic} cannot be encoded as ${contentType}: ${why}`, { cause: thrown })
    }
  }

  /** @throws ConsumeError COMM_UNDECODABLE */
  decode(body: Uint8Array, contentType: string, topic: string): unknown {
    const codec = this.#find(contentType)
    if (codec === undefined) {
      throw new ConsumeError(
        `a message of ${topic} cannot be decoded: no codec for content type ${contentType}; pass one in the client's codecs`,
        {
          code: 'COMM_UNDECODABLE',
        },
      )
    }
    try {
      return codec.decode(body)
    } catch (thrown) {
      throw new ConsumeError(`a message of ${topic}, ${body.byteLength} bytes, is not valid ${contentType}`, {
        code: 'COMM_UNDECODABLE',
        cause: thrown,
      })
    }
  }

  #find(contentType: string): Codec | undefined {
    const exact = this.#byType.get(contentType)
    if (exact !== undefined) return exact
    const type = mediaType(contentType)
    return this.#byType.get(type) ?? this.#byType.get(familyOf(type))
  }
}

/** RFC 6839: `…+json` is JSON; any `text/…` is text. */
function familyOf(type: string): string {
  if (type.endsWith('+json')) return jsonCodec.contentType
  return type.startsWith('text/') ? textCodec.contentType : type
}
