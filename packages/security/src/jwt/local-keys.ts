import { ConfigurationError } from '@comm/core'
import type { Rule } from '@comm/core/options'
import { refused } from '../refusal.ts'
import { isJwsAlgorithm, JWS_ALGORITHMS, type JwsAlgorithm } from './algorithms.ts'
import { isKeySource, type KeyHint, KeySet, type KeySource } from './key-source.ts'
import { type Key, type KeyOptions, keyOf } from './keys.ts'

/**
 * Keys that are there already, parsed once.
 * @param algorithms each key must serve one of them @default all
 * @throws ConfigurationError: also for a secret that is shorter than the hash of its algorithm (RFC 7518, 3.2)
 */
export function localKeys(keys: readonly KeyOptions[], algorithms: readonly JwsAlgorithm[] = JWS_ALGORITHMS): KeySource {
  if (!Array.isArray(keys) || keys.length === 0) throw new ConfigurationError('keys must be an array of at least one key')
  return new LocalKeys(keys.map((key, at) => keyOf(`keys[${at}]`, key, 'verify', algorithms)))
}

/** What verifiers take: keys, or where they come from. */
export const keysRule: Rule = {
  expected: 'an array of at least one key, or a KeySource such as remoteJwks()',
  accepts: (value) => isKeySource(value) || (Array.isArray(value) && value.length > 0),
}

export const algorithmsRule: Rule = {
  expected: `an array of at least one of ${JWS_ALGORITHMS.join(', ')}`,
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(isJwsAlgorithm),
}

export function keySourceOf(keys: readonly KeyOptions[] | KeySource, algorithms: readonly JwsAlgorithm[]): KeySource {
  return isKeySource(keys) ? keys : localKeys(keys, algorithms)
}

class LocalKeys implements KeySource {
  readonly isRemote = false
  readonly #keys: KeySet

  constructor(keys: readonly Key[]) {
    this.#keys = new KeySet(keys)
  }

  find(hint: KeyHint): readonly Key[] {
    const found = this.#keys.find(hint)
    if (found.length === 0) throw refused('unknown-key', unknownKey(hint))
    return found
  }
}

/** The `kid` comes from outside, so it is not quoted. */
export function unknownKey({ algorithm, kid }: KeyHint): string {
  return `no ${algorithm} key ${kid === undefined ? 'is there for a header that names none' : 'has the kid that the header names'}`
}
