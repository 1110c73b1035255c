import type { Logger } from '@comm/core'
import type { JWK } from 'jose'
import { parseUnique } from '../unique-json.ts'
import { isSymmetric, JWS_ALGORITHMS, misfit } from './algorithms.ts'
import { KeySet } from './key-source.ts'
import { fromJwk, Key } from './keys.ts'

const PUBLIC_ALGORITHMS = JWS_ALGORITHMS.filter((algorithm) => !isSymmetric(algorithm))
const MOST_KEYS = 1000

/**
 * Reads a JWK set (RFC 7517, 5) that came from outside. Keys that are for something else, of a kind that nobody here knows, too short or
 * secret are passed over: others in the set may be right.
 * @throws Error when it is no JWK set, or one without any key that serves
 */
export function keySetOf(bytes: Uint8Array, logger: Logger, source: string): KeySet {
  const { keys } = parseUnique('the JWK set', bytes)
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw new Error(`answered with no JWK set of at most ${MOST_KEYS} keys`)
  const usable: Key[] = []
  for (const [at, jwk] of keys.entries()) {
    const key = usableKey(jwk)
    if (key instanceof Key) usable.push(key)
    else logger.debug(`key ${at} of ${source} is passed over: it ${key}`)
  }
  if (usable.length === 0) throw new Error('answered with a JWK set without any key that can verify signatures')
  return new KeySet(usable)
}

/** @returns why not, completing `it …` */
function usableKey(value: unknown): Key | string {
  if (typeof value !== 'object' || value === null) return 'is no object'
  const jwk = value as JWK & {
    readonly kid?: unknown
    readonly alg?: unknown
    readonly use?: unknown
    readonly key_ops?: unknown
  }
  const { kid, alg, use, key_ops: operations } = jwk
  if (jwk.kty === 'oct') return 'is a secret'
  if (use !== undefined && use !== 'sig') return 'is not for signatures'
  if (Array.isArray(operations) && !operations.includes('verify')) return 'is not for verifying'
  try {
    const object = fromJwk(jwk, 'verify')
    const reasons = PUBLIC_ALGORITHMS.map((algorithm) => misfit(object, algorithm))
    if (!reasons.includes(undefined)) return 'serves no algorithm that is known here'
    return new Key(object, typeof kid === 'string' ? kid : undefined, typeof alg === 'string' ? alg : undefined, 'verify')
  } catch {
    return 'cannot be read'
  }
}
