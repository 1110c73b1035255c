import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { TextDecoder } from 'node:util'
import { CommunicationError } from '@comm/core'
import { displayUrl } from './url.ts'

/** What answers have in common. */
export interface ResponseHead {
  readonly method: string
  readonly url: URL
  readonly status: number
  /** Lower-case names; several values are joined by commas, except `set-cookie`, which is an array. */
  readonly headers: IncomingHttpHeaders
  /** How many times the request was sent. */
  readonly attempts: number
}

/** An answer with its whole body, decoded (gzip, br …) but not interpreted. */
export class HttpResponse implements ResponseHead {
  readonly method: string
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly attempts: number
  #body: Uint8Array
  #isShared: boolean

  /** @param isShared the bytes are others' too (a cache's), so that nobody may change them */
  constructor(head: ResponseHead, body: Uint8Array, isShared = false) {
    this.method = head.method
    this.url = head.url
    this.status = head.status
    this.headers = head.headers
    this.attempts = head.attempts
    this.#body = body
    this.#isShared = isShared
  }

  /** The status is 200 to 299. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  /** The body; the caller's own, to do with as it likes. */
  bytes(): Uint8Array {
    if (this.#isShared) {
      this.#body = Buffer.from(this.#body)
      this.#isShared = false
    }
    return this.#body
  }

  /** The body as text, in the charset that Content-Type names. @default UTF-8 */
  text(): string {
    return decoderFor(this.headers['content-type']).decode(this.#body)
  }

  /**
   * The body parsed as JSON. The type is the caller's word; a schema library checks it.
   * @throws CommunicationError COMM_UNDECODABLE when the body is not JSON
   */
  json<Value = unknown>(): Value {
    try {
      return JSON.parse(this.text()) as Value
    } catch (cause) {
      const type = this.headers['content-type'] ?? 'none'
      throw new CommunicationError(
        `${this.method} ${displayUrl(this.url)} was answered ${this.status} with a body that is not JSON (content-type ${type}, ${this.#body.byteLength} bytes)`,
        {
          code: 'COMM_UNDECODABLE',
          cause,
          details: { method: this.method, url: displayUrl(this.url), status: this.status, contentType: type },
        },
      )
    }
  }
}

/** An answer whose body is still arriving. Read it to its end or dispose it: until then it holds a connection. */
export class HttpStreamResponse implements ResponseHead, AsyncDisposable {
  readonly method: string
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly attempts: number
  /** Decoded. Ends with a typed error when the connection breaks, a time limit runs out, the caller aborts or it grows too large. */
  readonly body: Readable

  constructor(head: ResponseHead, body: Readable) {
    this.method = head.method
    this.url = head.url
    this.status = head.status
    this.headers = head.headers
    this.attempts = head.attempts
    this.body = body
  }

  /** An answer that has been read already, as a stream. */
  static of(response: HttpResponse): HttpStreamResponse {
    return new HttpStreamResponse(response, Readable.from([response.bytes()], { objectMode: false }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.body.destroy()
  }
}

const UTF8 = new TextDecoder()

function decoderFor(contentType: string | undefined): TextDecoder {
  const charset = contentType === undefined ? undefined : /;\s*charset="?([^\s;"]+)/i.exec(contentType)?.[1]
  if (charset === undefined || /^utf-?8$/i.test(charset)) return UTF8
  try {
    return new TextDecoder(charset)
  } catch {
    return UTF8
  }
}
