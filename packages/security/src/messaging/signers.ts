import { ConfigurationError, type Principal } from '@comm/core'
import type { JwsAlgorithm } from '../jwt/algorithms.ts'
import type { KeySource } from '../jwt/key-source.ts'
import { localKeys } from '../jwt/local-keys.ts'
import type { Signer } from './options.ts'

/** Whose signatures count, by the `kid` of their keys. */
export interface Signers {
  readonly keys: KeySource
  principalOf(kid: string | undefined): Principal | undefined
}

export function principalOfSigner({ subject, scopes = [], roles = [] }: Omit<Signer, 'kid' | 'key'>, kid?: string): Principal {
  return { subject, method: 'message-signature', scopes, roles, attributes: kid === undefined ? {} : { kid } }
}

/** @throws ConfigurationError */
export function signersOf(
  signers: readonly Signer[],
  algorithms: readonly JwsAlgorithm[],
  elsewhere: KeySource | undefined,
): Signers {
  const principals = new Map(signers.map((signer) => [signer.kid, principalOfSigner(signer, signer.kid)]))
  if (principals.size < signers.length) throw new ConfigurationError('signedMessages.signers must have a kid each of their own')
  const own = signers.flatMap(({ kid, key }) => (key === undefined ? [] : [{ ...key, kid }]))
  if (own.length < signers.length && elsewhere === undefined) {
    throw new ConfigurationError('signedMessages.signers must have a key each, unless signedMessages.keys is given')
  }
  const local = own.length === 0 ? undefined : localKeys(own, algorithms)
  const ownKids = new Set(own.map(({ kid }) => kid))
  return {
    keys: {
      isRemote: false,
      find(hint) {
        const source = local !== undefined && (elsewhere === undefined || ownKids.has(hint.kid ?? '')) ? local : elsewhere
        return (source as KeySource).find(hint)
      },
    },
    principalOf: (kid) => (kid === undefined ? undefined : principals.get(kid)),
  }
}
