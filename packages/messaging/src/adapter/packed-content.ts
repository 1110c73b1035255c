import type { HeaderValue } from '../broker.ts'
import { headersFromJson } from '../header-json.ts'
import type { Content } from './source-delivery.ts'

const PLAIN_TYPE = 'application/json'

/** The expression remembers where each header ends: of more bytes it may ask for more memory than V8 gives it. */
const MOST_BYTES = 65_536
/** Without escapes, which might hide another name, and without what no JSON text has. */
const PLAIN_TEXT = String.raw`[^"\\\x00-\x1f]*`
/** A header that the pipeline does not act on, its value a text. */
const OTHER = `"(?!comm-|ce_expirytime"|content-type")${PLAIN_TEXT}":"${PLAIN_TEXT}"`
/** An object of such headers and the content type, as `JSON.stringify` writes it. */
const PLAIN = new RegExp(String.raw`^\{(?:${OTHER},)*"content-type":"${PLAIN_TYPE}"(?:,${OTHER})*\}$`)

/**
 * Content whose headers came as one JSON object. To read them costs about as much as to read a small body, and most handlers look at
 * none of them, so they are read when somebody asks.
 */
export class PackedContent implements Content {
  readonly key: string | undefined
  readonly body: Uint8Array
  readonly plainType: string = PLAIN_TYPE
  readonly #json: Buffer
  #headers: Readonly<Record<string, HeaderValue>> | undefined

  private constructor(body: Uint8Array, key: string | undefined, json: Buffer) {
    this.body = body
    this.key = key
    this.#json = json
  }

  /** @returns undefined unless the headers say that the body is JSON, and have none that the pipeline acts on */
  static of(body: Uint8Array, key: string | undefined, json: Buffer): PackedContent | undefined {
    return json.length <= MOST_BYTES && PLAIN.test(json.toString('latin1')) ? new PackedContent(body, key, json) : undefined
  }

  get headers(): Readonly<Record<string, HeaderValue>> {
    this.#headers ??= headersFromJson(this.#json.toString()) ?? {}
    return this.#headers
  }
}
