import { CommunicationError, pause } from '@comm/core'
import type { Message } from '../message.ts'
import { EXPIRED, type Outcome, RELEASE } from '../outcome.ts'
import { type Topic, validate } from '../topic.ts'
import { andThen, type PipelineParts, type Step } from './step.ts'

/** A message that comes this early is waited for here; an earlier one goes back to the broker. */
const SHORT_WAIT_MS = 250

/** Lets only messages through that are due, still wanted, readable and of the right shape. What cannot be read is dead at once. */
export function decode(next: Step, parts: PipelineParts): Step {
  const { clock, codecs, topic, stopping } = parts
  const { contentType: assumed } = parts.options

  return (message) => {
    const { expiresAt, notBefore } = message
    if (expiresAt !== undefined && expiresAt <= clock.wall()) return EXPIRED
    if (notBefore === undefined) return read(message)
    const earlyMs = notBefore - clock.wall()
    if (earlyMs > SHORT_WAIT_MS) return { kind: 'later', afterMs: earlyMs, why: 'early' }
    if (earlyMs <= 0) return read(message)
    return pause(clock, earlyMs, stopping, message.delivery.lost).then((passed) => (passed ? read(message) : RELEASE))
  }

  function read(message: Message): Outcome | Promise<Outcome> {
    try {
      if (message.undecodable !== undefined) throw message.undecodable
      const contentType = message.contentType ?? assumed
      const { data } = message
      // Bytes would have to be made of what reading the envelope has parsed already.
      message.body =
        data !== undefined && codecs.isOwnJson(contentType) ? data : codecs.decode(message.bytes, contentType, message.topic)
    } catch (thrown) {
      return { kind: 'dead', reason: 'undecodable', error: CommunicationError.from(thrown) }
    }
    if (topic === undefined) return next(message)
    return andThen(mismatch(topic, message), (outcome) => outcome ?? next(message))
  }
}

/** Gives the message what its topic's schema makes of the body. @returns what becomes of one that does not match */
function mismatch(topic: Topic, message: Message): Outcome | undefined | Promise<Outcome | undefined> {
  const isValid = (body: unknown): undefined => {
    message.body = body
  }
  const isDead = (thrown: unknown): Outcome => ({ kind: 'dead', reason: 'schema', error: CommunicationError.from(thrown) })
  try {
    const valid = validate(topic, message.body)
    return valid instanceof Promise ? valid.then(isValid, isDead) : isValid(valid)
  } catch (thrown) {
    return isDead(thrown)
  }
}
