import type { webcrypto } from 'node:crypto'
import { checkOptions, number, required, withDefaults } from '@comm/core/options'
import { flattenedVerify } from 'jose'
import { refused } from '../refusal.ts'
import { parseUnique } from '../unique-json.ts'
import type { JwsAlgorithm } from './algorithms.ts'
import { base64url, checkHeader } from './header.ts'
import { fromJose, isSignatureMismatch } from './jose-errors.ts'
import type { KeySource } from './key-source.ts'
import type { KeyOptions } from './keys.ts'
import { algorithmsRule, keySourceOf, keysRule } from './local-keys.ts'

/** The flattened and the general JSON serialization (RFC 7515, 7.2). */
export interface JsonJws {
  /** Absent: detached. */
  readonly payload?: string
  readonly protected?: string
  readonly header?: Readonly<Record<string, unknown>>
  readonly signature?: string
  readonly signatures?: readonly Pick<JsonJws, 'protected' | 'header' | 'signature'>[]
}

export interface JwsVerifierOptions {
  readonly algorithms: readonly JwsAlgorithm[]
  readonly keys: readonly KeyOptions[] | KeySource
  /** Longest JWS, detached content aside. @default 65536 */
  readonly maxBytes?: number
}

export const JWS_DEFAULTS: Readonly<Required<Pick<JwsVerifierOptions, 'maxBytes'>>> = Object.freeze({ maxBytes: 65_536 })

export interface VerifiedJws {
  readonly payload: Uint8Array
  /** Protected and unprotected members together, which never have a name in common. */
  readonly header: Readonly<Record<string, unknown>>
  /** Of the key that verified it. */
  readonly kid: string | undefined
}

export interface JwsVerifier {
  /**
   * Verifies a signature over any content.
   * @param detached the content, where the JWS does not hold it: as it is when the header says `b64: false` (RFC 7797)
   * @returns for the general serialization the first signature that holds
   * @throws AuthenticationError COMM_TOKEN_INVALID
   */
  verify(jws: string | JsonJws, detached?: Uint8Array): Promise<VerifiedJws>
}

const CRITICAL: readonly string[] = ['b64']
const MOST_SIGNATURES = 10

/** JSON Web Signatures (RFC 7515) in every serialization. @throws ConfigurationError */
export function jwsVerifier(options: JwsVerifierOptions): JwsVerifier {
  checkOptions<JwsVerifierOptions>('jwsVerifier', options, {
    algorithms: required(algorithmsRule),
    keys: required(keysRule),
    maxBytes: number({ min: 1 }),
  })
  const { algorithms, keys, maxBytes } = withDefaults(JWS_DEFAULTS, options)
  const source = keySourceOf(keys, algorithms)

  return {
    async verify(jws, detached) {
      const { payload, signatures } = typeof jws === 'string' ? compact(jws) : general(jws)
      if ((payload === undefined) === (detached === undefined)) {
        throw refused('malformed', payload === undefined ? 'the content is missing' : 'the content is there twice')
      }
      let first: unknown
      for (const signature of signatures) {
        try {
          return await one(signature, payload, detached)
        } catch (thrown) {
          first ??= thrown
        }
      }
      throw first
    },
  }

  async function one(signature: Signature, payload: string | undefined, detached: Uint8Array | undefined): Promise<VerifiedJws> {
    const protectedHeader =
      signature.protected === undefined ? {} : parseUnique('the header', base64url('the header', signature.protected))
    const all = { ...signature.header, ...protectedHeader }
    const header = checkHeader(all, algorithms, CRITICAL)
    const isRaw = protectedHeader['b64'] === false
    const content = payload ?? (isRaw ? (detached as Uint8Array) : Buffer.from(detached as Uint8Array).toString('base64url'))
    const candidates = await source.find(header)
    for (const [at, key] of candidates.entries()) {
      try {
        const verified = await flattenedVerify(
          { ...signature, payload: content },
          key.for(header.algorithm) as webcrypto.CryptoKey,
          {
            algorithms: [...algorithms],
          },
        )
        return { payload: verified.payload, header: all, kid: key.kid }
      } catch (thrown) {
        if (at < candidates.length - 1 && isSignatureMismatch(thrown)) continue
        throw fromJose(thrown)
      }
    }
    throw refused('unknown-key', 'no key is known for the signature')
  }

  function compact(jws: string): Parts {
    if (jws.length > maxBytes) throw refused('too-large', `the JWS is longer than ${maxBytes} bytes`)
    const parts = jws.split('.')
    const [header = '', payload = '', signature = ''] = parts
    if (parts.length !== 3) throw refused('malformed', 'the JWS does not have three parts')
    return { payload: payload === '' ? undefined : payload, signatures: [{ protected: header, signature }] }
  }

  function general(jws: JsonJws): Parts {
    const { payload, signatures, signature, header, protected: protected_ } = Object(jws) as JsonJws
    if (payload !== undefined && (typeof payload !== 'string' || payload.length > maxBytes)) {
      throw refused('too-large', `the payload of the JWS is not a text of at most ${maxBytes} bytes`)
    }
    const all: unknown = signatures ?? [{ protected: protected_, header, signature }]
    if (!Array.isArray(all) || all.length === 0 || all.length > MOST_SIGNATURES) {
      throw refused('malformed', `the JWS does not have 1 to ${MOST_SIGNATURES} signatures`)
    }
    return { payload, signatures: all.map(signatureOf) }
  }
}

interface Signature {
  readonly protected?: string
  readonly header?: Record<string, unknown>
  readonly signature: string
}

interface Parts {
  readonly payload: string | undefined
  readonly signatures: readonly Signature[]
}

/** @throws AuthenticationError `malformed` */
function signatureOf(value: unknown): Signature {
  const { protected: protected_, header, signature } = Object(value) as Readonly<Record<string, unknown>>
  const isHeader = header === undefined || (typeof header === 'object' && header !== null && !Array.isArray(header))
  if (typeof signature !== 'string' || !isHeader || (protected_ !== undefined && typeof protected_ !== 'string')) {
    throw refused('malformed', 'a signature of the JWS is not what RFC 7515 section 7.2 says')
  }
  return {
    signature,
    ...(header === undefined ? {} : { header: header as Record<string, unknown> }),
    ...(protected_ === undefined ? {} : { protected: protected_ }),
  }
}
