/** What a gateway does with a field of a request. */
export const FIELD = {
  pass: 0,
  drop: 1,
  connection: 2,
  host: 3,
  contentLength: 4,
  transferEncoding: 5,
  expect: 6,
  forwarded: 7,
  forwardedFor: 8,
  via: 9,
  correlation: 10,
  timeLeft: 11,
  upgrade: 12,
  cookie: 13,
} as const

/** RFC 9110 7.6.1: about this connection only; and what we make anew ourselves. Trailers of requests are not sent on, so none are announced. */
const DROPPED: readonly string[] = [
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'http2-settings',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-real-ip',
]

/** Spellings that are remembered; what nobody knows comes in any number of them. */
const MOST_SPELLINGS = 500

/** Looks up what is done with a field by its name as it was received: no lower-casing for spellings that have been seen. */
export class FieldNames {
  readonly #known: ReadonlyMap<string, number>
  readonly #spellings = new Map<string, number>()

  /** @param own names of the fields of this gateway's own */
  constructor(own: { readonly correlation: string; readonly requestId: string; readonly timeLeft: string }) {
    this.#known = new Map<string, number>([
      ...DROPPED.map((name): [string, number] => [name, FIELD.drop]),
      ['connection', FIELD.connection],
      ['host', FIELD.host],
      ['content-length', FIELD.contentLength],
      ['transfer-encoding', FIELD.transferEncoding],
      ['expect', FIELD.expect],
      ['forwarded', FIELD.forwarded],
      ['x-forwarded-for', FIELD.forwardedFor],
      ['via', FIELD.via],
      ['upgrade', FIELD.upgrade],
      ['cookie', FIELD.cookie],
      [own.requestId, FIELD.drop],
      [own.correlation, FIELD.correlation],
      [own.timeLeft, FIELD.timeLeft],
    ])
  }

  kindOf(name: string): number {
    const seen = this.#spellings.get(name)
    if (seen !== undefined) return seen
    // Pseudo-header fields of HTTP/2 are none to send on.
    const kind = name.charCodeAt(0) === 58 ? FIELD.drop : (this.#known.get(name.toLowerCase()) ?? FIELD.pass)
    if (this.#spellings.size < MOST_SPELLINGS) this.#spellings.set(name, kind)
    return kind
  }
}
