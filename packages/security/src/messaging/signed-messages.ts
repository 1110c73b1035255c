import {
  type Admission,
  AuthorizationError,
  CommunicationError,
  holdClaim,
  type IncomingMessage,
  type MessageGuard,
  type OutgoingMessage,
  type Principal,
  ServiceUnavailableError,
  securityLogger,
} from '@comm/core'
import { withDefaults } from '@comm/core/options'
import { FlattenedSign } from 'jose'
import { jwsVerifier, type VerifiedJws } from '../jwt/jws.ts'
import { keyOf } from '../jwt/keys.ts'
import { type RefusalReason, reasonOf, refused, undecided } from '../refusal.ts'
import { checkSignedMessages, REPLAY_DEFAULTS, SIGNED_MESSAGES_DEFAULTS, type SignedMessagesOptions } from './options.ts'
import { bytesOf, coveredIn, isCoverable, isOfBroker, NEEDED, SIGNATURE_HEADER, signedText } from './signed-text.ts'
import { principalOfSigner, signersOf } from './signers.ts'
import { TopicRules } from './topic-rules.ts'

/** Longest value of the signature header. */
const LONGEST_SIGNATURE = 8192

/**
 * Signs what a message client publishes and lets in only what was signed by somebody who may publish to the topic:
 * `new MemoryBroker({ guards: [signedMessages({ … })] })`.
 *
 * The signature is a detached JWS (RFC 7515 appendix F, RFC 7797) in the header `comm-signature`. It covers the topic, the id, the time,
 * every header that the publisher wrote, and the digest of the body.
 * @throws ConfigurationError
 */
export function signedMessages(options: SignedMessagesOptions): MessageGuard {
  checkSignedMessages(options)
  const {
    algorithms,
    clock,
    clockSkewMs,
    keys,
    logger,
    self,
    sign,
    signers: listed,
  } = withDefaults(SIGNED_MESSAGES_DEFAULTS, options)
  const replay = options.replay && withDefaults(REPLAY_DEFAULTS, options.replay)
  const rules = new TopicRules(options.topics)
  const signers = signersOf(listed, algorithms, keys)
  const verifier = jwsVerifier({ algorithms, keys: signers.keys, maxBytes: LONGEST_SIGNATURE })
  const audit = securityLogger(logger)
  const signing = sign && keyOf('signedMessages.sign.key', sign.key, 'sign', [sign.algorithm])
  const ownSigner = signers.principalOf(sign?.key.kid)
  const consumer = self === undefined ? ownSigner : principalOfSigner(self)

  return {
    ...(sign === undefined ? {} : { outgoing }),
    async incoming(message) {
      let signer: Principal | undefined
      try {
        const verified = await verify(message)
        signer = signerOf(verified)
        rules.check(signer, 'publish', message.topic)
        rules.check(consumer, 'consume', message.topic)
        return await once(message, signer)
      } catch (thrown) {
        throw audited(message, signer, thrown)
      }
    },
    subscribing(topics, pattern) {
      // What a pattern brings is looked at message by message.
      if (!pattern) for (const topic of topics) rules.check(consumer, 'consume', topic)
    },
  }

  async function outgoing({ topic, headers, body }: OutgoingMessage): Promise<Record<string, string>> {
    rules.check(ownSigner, 'publish', topic)
    const { algorithm, key } = sign as NonNullable<typeof sign>
    const covered = coveredIn(headers)
    const text = signedText(topic, headers, body, covered) as Uint8Array
    const header = {
      alg: algorithm,
      kid: key.kid,
      b64: false,
      crit: ['b64'],
      iat: Math.floor(clock.wall() / 1000),
      covers: covered,
    }
    const made = await new FlattenedSign(text).setProtectedHeader(header).sign(signing?.for(algorithm) as CryptoKeyLike)
    return { [SIGNATURE_HEADER]: `${made.protected}..${made.signature}` }
  }

  /** @throws AuthenticationError COMM_MESSAGE_REFUSED; ServiceUnavailableError when its key cannot be had now */
  async function verify({ body, headers, topic }: IncomingMessage): Promise<VerifiedJws> {
    if (headers[SIGNATURE_HEADER] === undefined) throw refusal('missing', 'the message is not signed')
    const jws = textIn(headers, SIGNATURE_HEADER)
    const text = signedText(topic, headers, body, coveredBy(jws, headers))
    if (text === undefined) throw refusal('signature', 'a header that the signature covers is missing')
    const verified = await verifier.verify(jws, text)
    if (verified.header['b64'] !== false) throw refusal('malformed', 'the signature is not over unencoded content (RFC 7797)')
    return verified
  }

  function signerOf({ header, kid }: VerifiedJws): Principal {
    const principal = signers.principalOf(kid)
    if (principal === undefined) throw refusal('unknown-key', 'the key that signed the message belongs to no signer')
    const { iat } = header
    if (typeof iat !== 'number') throw refusal('malformed', 'the signature does not say when it was made')
    const ageMs = clock.wall() - iat * 1000
    if (ageMs < -clockSkewMs) throw refusal('not-yet-valid', 'the message was signed in the future')
    if (replay !== undefined && ageMs > replay.maxAgeMs + clockSkewMs) {
      throw refusal('stale', `the message was signed ${Math.round(ageMs / 1000)} s ago, allowed are ${replay.maxAgeMs / 1000}`)
    }
    return principal
  }

  /** A replay has the id and the signature of a message that was handled. Its broker's own redelivery is none. */
  async function once(message: IncomingMessage, principal: Principal): Promise<Admission> {
    if (replay === undefined) return { principal }
    const { group, headers, redelivered, topic } = message
    const { leaseMs, maxAgeMs, store } = replay
    const key = JSON.stringify([
      'signed',
      group,
      topic,
      principal.subject,
      textIn(headers, 'ce_source'),
      textIn(headers, 'ce_id'),
    ])
    const claim = await holdClaim(store, key, leaseMs, clock).catch((thrown: unknown) => {
      throw undecided('the store of handled messages cannot be asked', CommunicationError.from(thrown))
    })
    if (claim.state === 'busy') {
      throw new ServiceUnavailableError('the same message is being handled', { details: { retryAfterMs: claim.retryAfterMs } })
    }
    if (claim.state === 'done') {
      if (redelivered) return { isDuplicate: true }
      throw refusal('replayed', 'the message was handled before')
    }
    return {
      principal,
      async settled(handled) {
        try {
          // Beyond its age it is refused as stale, so nobody has to remember it longer.
          await (handled ? claim.commit(maxAgeMs + 2 * clockSkewMs) : claim.release())
        } catch (error) {
          logger.warn(`that message ${message.id} of ${topic} was ${handled ? '' : 'not '}handled could not be kept`, { error })
        }
      },
    }
  }

  function audited(message: IncomingMessage, signer: Principal | undefined, thrown: unknown): CommunicationError {
    const error = asRefusal(CommunicationError.from(thrown))
    const subject = signer === undefined ? {} : { subject: signer.subject }
    const actor = { method: 'message-signature', ...subject }
    if (error.retryable) return error
    if (error instanceof AuthorizationError) {
      const { action, reason, resource } = error.details as Readonly<Record<'action' | 'reason' | 'resource', string>>
      audit.authorization({ outcome: 'denied', action, resource, reason, ...actor })
    } else {
      const reason = `${reasonOf(error) ?? 'error'}: ${error.message}`
      audit.authentication({
        outcome: 'failure',
        reason: `${message.topic} ${message.id}: ${reason}`,
        code: error.code,
        ...actor,
      })
    }
    return error
  }
}

type CryptoKeyLike = Parameters<FlattenedSign['sign']>[0]

function refusal(reason: RefusalReason, message: string): CommunicationError {
  return refused(reason, message, 'COMM_MESSAGE_REFUSED')
}

function textIn(headers: IncomingMessage['headers'], name: string): string {
  return bytesOf(headers[name] ?? '').toString()
}

/** What the JWS verifier says of tokens, said of messages. */
function asRefusal(error: CommunicationError): CommunicationError {
  const reason = reasonOf(error)
  if (error.code !== 'COMM_TOKEN_INVALID' || reason === undefined) return error
  return refused(reason, `the signature of the message was refused: ${error.message}`, 'COMM_MESSAGE_REFUSED', { cause: error })
}

/**
 * Which headers a signature says it covers, read before it is verified: the text cannot be put together without. What it must not leave
 * out is refused here.
 */
function coveredBy(jws: string, headers: IncomingMessage['headers']): readonly string[] {
  if (jws.length > LONGEST_SIGNATURE) throw refusal('too-large', `the signature is longer than ${LONGEST_SIGNATURE} bytes`)
  const covers = coversIn(jws)
  if (!Array.isArray(covers) || !covers.every((name) => typeof name === 'string' && isCoverable(name))) {
    throw refusal('malformed', 'the signature does not say which headers it covers')
  }
  const left = NEEDED.find((name) => !covers.includes(name))
  if (left !== undefined) throw refusal('signature', `the signature does not cover ${left}`)
  const added = Object.keys(headers).find((name) => isCoverable(name) && !isOfBroker(name) && !covers.includes(name))
  if (added !== undefined) throw refusal('signature', 'the message has a header that its signature does not cover')
  return covers as readonly string[]
}

function coversIn(jws: string): unknown {
  try {
    return (JSON.parse(Buffer.from(jws.split('.', 1)[0] as string, 'base64url').toString()) as { readonly covers?: unknown })
      .covers
  } catch {
    return undefined
  }
}
