import { type Clock, type DedupStore, type Logger, silentLogger, systemClock } from '@comm/core'
import { checkOptions, nonEmptyText, number, object, oneOf, required, withMethods } from '@comm/core/options'
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../jwt/algorithms.ts'
import type { KeySource } from '../jwt/key-source.ts'
import type { KeyOptions } from '../jwt/keys.ts'
import { algorithmsRule } from '../jwt/local-keys.ts'
import type { TopicRule } from './topic-rules.ts'

/** Who this client is: what it publishes is signed so. */
export interface SigningOptions {
  /** Private, or a shared secret; its `kid` is how consumers know it. */
  readonly key: KeyOptions & { readonly kid: string }
  readonly algorithm: JwsAlgorithm
}

/** Somebody whose messages are let in. */
export interface Signer {
  readonly kid: string
  readonly subject: string
  /** @default [] */
  readonly scopes?: readonly string[]
  /** @default [] */
  readonly roles?: readonly string[]
  /** Absent: it is among `keys`. */
  readonly key?: Omit<KeyOptions, 'kid'>
}

export interface ReplayOptions {
  /** Shared by all members of a group. */
  readonly store: DedupStore
  /** A message that was signed longer ago is refused, and one that was handled is remembered so long. @default 86400000 (a day) */
  readonly maxAgeMs?: number
  /** How long a claim outlives its holder; renewed while the handler runs. @default 30000 */
  readonly leaseMs?: number
}

export interface SignedMessagesOptions {
  /** @default what is published is not signed */
  readonly sign?: SigningOptions
  readonly algorithms: readonly JwsAlgorithm[]
  readonly signers: readonly Signer[]
  /** Keys of signers that have none here, such as `remoteJwks({ url })`. */
  readonly keys?: KeySource
  /** What is not named here nobody may publish or consume. */
  readonly topics: readonly TopicRule[]
  /** Who this client is, for the consume rules; for the publish rules it is the signer with the `kid` of `sign`. @default that signer */
  readonly self?: Omit<Signer, 'kid' | 'key'>
  /** Refuse a message that was handled already. @default off: use `dedup` of a subscription against redelivery alone */
  readonly replay?: ReplayOptions
  /** How far the clocks of signer and verifier may differ. @default 30000 */
  readonly clockSkewMs?: number
  /** Gets an audit line for each refusal. @default silentLogger */
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
}

export const REPLAY_DEFAULTS: Readonly<Required<Omit<ReplayOptions, 'store'>>> = Object.freeze({
  maxAgeMs: 86_400_000,
  leaseMs: 30_000,
})

export const SIGNED_MESSAGES_DEFAULTS: Readonly<Required<Pick<SignedMessagesOptions, 'clockSkewMs' | 'logger' | 'clock'>>> =
  Object.freeze({ clockSkewMs: 30_000, logger: silentLogger, clock: systemClock })

/** @throws ConfigurationError */
export function checkSignedMessages(options: SignedMessagesOptions): void {
  const list = { expected: 'an array', accepts: Array.isArray }
  checkOptions<SignedMessagesOptions>('signedMessages', options, {
    sign: object,
    algorithms: required(algorithmsRule),
    signers: required(list),
    keys: withMethods('a KeySource', 'find'),
    topics: required(list),
    self: object,
    replay: object,
    clockSkewMs: number({ min: 0 }),
    logger: withMethods('a Logger', 'child', 'warn'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  if (options.sign !== undefined) {
    checkOptions<SigningOptions>('signedMessages.sign', options.sign, {
      key: required(object),
      algorithm: required(oneOf(...JWS_ALGORITHMS)),
    })
  }
  if (options.replay !== undefined) {
    checkOptions<ReplayOptions>('signedMessages.replay', options.replay, {
      store: required(withMethods('a DedupStore', 'claim', 'renew', 'commit', 'release')),
      maxAgeMs: number({ above: 0 }),
      leaseMs: number({ above: 0 }),
    })
  }
  for (const [at, signer] of options.signers.entries()) {
    checkOptions<Signer>(`signedMessages.signers[${at}]`, signer, {
      kid: required(nonEmptyText),
      subject: required(nonEmptyText),
      scopes: list,
      roles: list,
      key: object,
    })
  }
}
