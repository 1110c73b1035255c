import { CommunicationError } from '@comm/core'
import { CONTENT_TYPE, textOf } from '../headers.ts'
import { EXPIRED, RELEASE } from '../outcome.ts'
import { validate } from '../topic.ts'
import { pause } from '../wait.ts'
import type { PipelineParts, Step } from './step.ts'

/** A message that comes this early is waited for here; an earlier one goes back to the broker. */
const SHORT_WAIT_MS = 250

/** Lets only messages through that are due, still wanted, readable and of the right shape. What cannot be read is dead at once. */
export function decode(next: Step, parts: PipelineParts): Step {
  const { clock, codecs, topic, stopping } = parts
  const { contentType: assumed } = parts.options

  return async (message) => {
    const { expiresAt, notBefore } = message
    if (expiresAt !== undefined && expiresAt <= clock.wall()) return EXPIRED
    if (notBefore !== undefined) {
      const earlyMs = notBefore - clock.wall()
      if (earlyMs > SHORT_WAIT_MS) return { kind: 'later', afterMs: earlyMs, why: 'early' }
      if (earlyMs > 0 && !(await pause(clock, earlyMs, stopping, message.delivery.lost))) return RELEASE
    }
    try {
      if (message.undecodable !== undefined) throw message.undecodable
      const contentType = textOf(message.headers[CONTENT_TYPE]) ?? assumed
      const { data } = message
      message.body =
        data !== undefined && codecs.isOwnJson(contentType) ? data : codecs.decode(message.bytes, contentType, message.topic)
    } catch (thrown) {
      return { kind: 'dead', reason: 'undecodable', error: CommunicationError.from(thrown) }
    }
    if (topic !== undefined) {
      try {
        const valid = validate(topic, message.body)
        message.body = valid instanceof Promise ? await valid : valid
      } catch (thrown) {
        return { kind: 'dead', reason: 'schema', error: CommunicationError.from(thrown) }
      }
    }
    return next(message)
  }
}
