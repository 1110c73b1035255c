import type { JwsAlgorithm } from './algorithms.ts'
import type { Key } from './keys.ts'

/** What the header of a token says about its key. Nothing else of it (`jku`, `jwk`, `x5u`, `x5c`) is ever looked at. */
export interface KeyHint {
  readonly algorithm: JwsAlgorithm
  readonly kid: string | undefined
}

/** Where the keys come from that signatures are verified with. */
export interface KeySource {
  /**
   * Those that may have made the signature, without a promise where they are at hand; never none.
   * @throws AuthenticationError `unknown-key`; ServiceUnavailableError COMM_KEYS_UNAVAILABLE when nobody can tell now
   */
  find(hint: KeyHint): readonly Key[] | Promise<readonly Key[]>
  /** Only public keys: a secret from outside would make an HS token out of a published key. */
  readonly isRemote: boolean
}

/** Arrays have a method of that name, too. */
export function isKeySource(value: unknown): value is KeySource {
  return typeof value === 'object' && value !== null && 'isRemote' in value && typeof (value as KeySource).find === 'function'
}

/** Keys by their `kid`. */
export class KeySet {
  readonly #all: readonly Key[]
  readonly #byKid = new Map<string, Key[]>()
  readonly #nameless: readonly Key[]

  constructor(keys: readonly Key[]) {
    this.#all = keys
    this.#nameless = keys.filter(({ kid }) => kid === undefined)
    for (const key of keys) {
      if (key.kid === undefined) continue
      const same = this.#byKid.get(key.kid)
      if (same === undefined) this.#byKid.set(key.kid, [key])
      else same.push(key)
    }
  }

  get size(): number {
    return this.#all.length
  }

  find({ algorithm, kid }: KeyHint): readonly Key[] {
    const named = kid === undefined ? this.#all : (this.#byKid.get(kid) ?? this.#nameless)
    return named.filter((key) => key.for(algorithm) !== undefined)
  }
}
