import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import { TextDecoder } from 'node:util'
import { CommunicationError, ValidationError } from '@comm/core'
import { checkArgument } from '@comm/core/options'
import { matching, standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
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
  /** The id of the instance that answered, where the request went to one of several. */
  readonly instance?: string | undefined
}

/** An answer that no server gave. */
export interface HttpAnswerInit {
  /** @default 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly body?: string | Uint8Array
}

/** What the schema of a request made of the JSON in its answer. */
const checked = new WeakMap<HttpResponse, unknown>()

/** An answer with its whole body, decoded (gzip, br …) but not interpreted. */
export class HttpResponse<Json = unknown> implements ResponseHead {
  readonly method: string
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly attempts: number
  readonly instance: string | undefined
  #body: Uint8Array
  #isShared: boolean

  /** @param isShared the bytes are others' too (a cache's), so that nobody may change them */
  constructor(head: ResponseHead, body: Uint8Array, isShared = false) {
    this.method = head.method
    this.url = head.url
    this.status = head.status
    this.headers = head.headers
    this.attempts = head.attempts
    this.instance = head.instance
    this.#body = body
    this.#isShared = isShared
  }

  /** Answers a request in place of a server. */
  static of({ method, url }: Pick<ResponseHead, 'method' | 'url'>, init: HttpAnswerInit = {}): HttpResponse {
    const { status = 200, headers, json, body = '' } = init
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    const content = json === undefined ? body : JSON.stringify(json)
    const head = { method, url, status, headers: { ...type, ...headers }, attempts: 0 }
    return new HttpResponse(head, typeof content === 'string' ? Buffer.from(content) : content)
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
   * The body parsed as JSON; where the request had a `schema`, what that made of it. Without one the type is the caller's word.
   * @throws CommunicationError COMM_UNDECODABLE when the body is not JSON
   */
  json<Value = Json>(): Value
  /** The body parsed as JSON and checked by any Standard Schema. @throws ValidationError naming the paths that do not match */
  json<Value>(schema: StandardSchemaV1<unknown, Value>): Promise<Value>
  json(schema?: StandardSchemaV1): unknown {
    if (schema !== undefined) return checkedJson(this, schema)
    return checked.has(this) ? checked.get(this) : this.#parse()
  }

  #parse(): unknown {
    try {
      return JSON.parse(this.text())
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
  readonly instance: string | undefined
  /** Decoded. Ends with a typed error when the connection breaks, a time limit runs out, the caller aborts or it grows too large. */
  readonly body: Readable

  constructor(head: ResponseHead, body: Readable) {
    this.method = head.method
    this.url = head.url
    this.status = head.status
    this.headers = head.headers
    this.attempts = head.attempts
    this.instance = head.instance
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

async function checkedJson(response: HttpResponse, schema: StandardSchemaV1): Promise<unknown> {
  checkArgument('the schema of json()', schema, standardSchema)
  const { method, status } = response
  const url = displayUrl(response.url)
  try {
    return await matching(`the JSON that ${method} ${url} was answered with ${status}`, schema, response.json())
  } catch (thrown) {
    if (!(thrown instanceof ValidationError)) throw thrown
    // So that it is not taken for the fault of who called this service.
    throw new ValidationError(thrown.message, { details: { ...thrown.details, method, url, status } })
  }
}

/** Checks an answer by the schema of its request; one that is no success has another shape. @throws ValidationError */
export async function checkAnswer(response: HttpResponse, schema: StandardSchemaV1): Promise<HttpResponse> {
  if (response.ok && response.method !== 'HEAD') checked.set(response, await checkedJson(response, schema))
  return response
}

const UTF8 = new TextDecoder()

function decoderFor(contentType: string | undefined): TextDecoder {
  const charset = contentType?.includes(';') !== true ? undefined : /;\s*charset="?([^\s;"]+)/i.exec(contentType)?.[1]
  if (charset === undefined || /^utf-?8$/i.test(charset)) return UTF8
  try {
    return new TextDecoder(charset)
  } catch {
    return UTF8
  }
}
