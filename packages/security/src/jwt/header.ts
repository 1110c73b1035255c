import { refused } from '../refusal.ts'
import { parseUnique } from '../unique-json.ts'
import { isJwsAlgorithm, type JwsAlgorithm } from './algorithms.ts'
import type { KeyHint } from './key-source.ts'

/** A header that was read and is allowed; `b64` only where the caller asks for it. */
export interface CheckedHeader extends KeyHint {
  readonly all: Readonly<Record<string, unknown>>
}

/** Decodes base64url strictly: alphabet of RFC 4648 section 5, no padding. @throws AuthenticationError `malformed` */
export function base64url(what: string, text: string): Buffer {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) throw refused('malformed', `${what} is not base64url`)
  return Buffer.from(text, 'base64url')
}

/**
 * @param critical what may be in `crit` (RFC 7515, 4.1.11)
 * @throws AuthenticationError `algorithm-not-allowed`, `malformed`, `critical-header`
 */
export function checkHeader(
  all: Readonly<Record<string, unknown>>,
  allowed: readonly JwsAlgorithm[],
  critical: readonly string[] = [],
): CheckedHeader {
  const { alg, kid, crit } = all
  if (typeof alg !== 'string') throw refused('malformed', 'the header names no algorithm')
  if (!isJwsAlgorithm(alg) || !allowed.includes(alg)) {
    throw refused('algorithm-not-allowed', `the algorithm of the header is not among the allowed ${allowed.join(', ')}`)
  }
  if (kid !== undefined && typeof kid !== 'string') throw refused('malformed', 'the kid of the header is not a string')
  if (
    crit !== undefined &&
    !(Array.isArray(crit) && crit.length > 0 && crit.every((name) => critical.includes(name as string)))
  ) {
    throw refused('critical-header', 'the header calls something critical that is not known here')
  }
  return { algorithm: alg, kid, all }
}

/** Most headers differ from one another in nothing, so what was read is kept by its encoded text. */
const MOST_HEADERS = 256

export class HeaderReader {
  readonly #allowed: readonly JwsAlgorithm[]
  readonly #critical: readonly string[]
  readonly #read = new Map<string, CheckedHeader>()

  constructor(allowed: readonly JwsAlgorithm[], critical: readonly string[] = []) {
    this.#allowed = allowed
    this.#critical = critical
  }

  /** @throws AuthenticationError */
  read(encoded: string): CheckedHeader {
    const known = this.#read.get(encoded)
    if (known !== undefined) return known
    const all = parseUnique('the header', base64url('the header', encoded))
    const header = checkHeader(all, this.#allowed, this.#critical)
    if (this.#read.size >= MOST_HEADERS) this.#read.clear()
    this.#read.set(encoded, header)
    return header
  }
}
