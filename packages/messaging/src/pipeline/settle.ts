import { CommunicationError, exponentialBackoff, pause, runInContext } from '@comm/core'
import type { OutboundRecord } from '../broker.ts'
import type { Message } from '../message.ts'
import { type Outcome, RELEASE } from '../outcome.ts'
import { deadRecord, type Kept, laterRecord } from './republish.ts'
import { canRepublish } from './retry.ts'
import type { PipelineParts, Step } from './step.ts'

type FollowedUp = Exclude<Outcome, { kind: 'done' | 'release' }>

/** Wait before a message goes back to the broker because its retry or dead letter was refused. */
const refusedBackoff = exponentialBackoff({ baseMs: 1000, maxMs: 30_000 })

/**
 * Acts on the outcome, and is the only place that settles. A retry or dead letter is published and confirmed before the message is
 * acknowledged, so nothing is lost, at worst doubled; when the broker refuses it, the message is given back after a while and
 * health says so until the same succeeds.
 */
export function settle(next: Step, parts: PipelineParts): Step {
  const { clock, logger, options, random, stats, stopping, trouble, name } = parts
  const { group } = options
  const { maxBodyBytes = Number.POSITIVE_INFINITY } = parts.features
  const republishes = canRepublish(parts)

  return (message) => {
    const outcome = decided(message)
    return outcome instanceof Promise ? outcome.then((late) => conclude(message, late)) : conclude(message, outcome)
  }

  function conclude(message: Message, outcome: Outcome): Outcome | Promise<Outcome> {
    const final = act(message, outcome)
    return final instanceof Promise ? final.then((late) => settled(message, late)) : settled(message, final)
  }

  function settled(message: Message, outcome: Outcome): Outcome {
    const { delivery } = message
    if (!trouble.isNone && (outcome.kind !== 'release' || delivery.lost.aborted)) trouble.over(message.id)
    message.settling = delivery.settle(outcome.kind === 'release' ? 'requeue' : 'ack')
    return outcome
  }

  function decided(message: Message): Outcome | Promise<Outcome> {
    try {
      const outcome = next(message)
      return outcome instanceof Promise ? outcome.catch(broken) : outcome
    } catch (thrown) {
      return broken(thrown)
    }
  }

  /** A function that the user gave us threw: the backoff, the deduplication key. It would again, so the message must not come back. */
  function broken(thrown: unknown): Outcome {
    return { kind: 'dead', reason: 'error', error: CommunicationError.from(thrown) }
  }

  /** @returns the outcome as it came to pass; `release` when the message has to go back */
  function act(message: Message, outcome: Outcome): Outcome | Promise<Outcome> {
    if (message.delivery.lost.aborted) return RELEASE
    if (outcome.kind === 'done' || outcome.kind === 'release') return outcome
    // The deadline was the attempt's: what follows has its own time.
    return runInContext({ correlationId: message.correlationId }, () => followUp(message, outcome))
  }

  function followUp(message: Message, outcome: FollowedUp): Promise<Outcome> {
    switch (outcome.kind) {
      case 'later':
        return putOff(message, outcome, outcome.afterMs, message.attempt - 1)
      case 'retry':
        logger.warn(`attempt ${message.attempt} at message ${message.id} of ${message.topic} failed`, {
          group,
          retryInMs: outcome.afterMs,
          error: outcome.error,
        })
        stats.retried++
        return putOff(message, outcome, outcome.afterMs ?? 0, message.attempt)
      case 'dead':
        return bury(message, outcome)
    }
  }

  async function putOff(message: Message, outcome: Outcome, afterMs: number, attemptsMade: number): Promise<Outcome> {
    if (!republishes || group === undefined || options.retry.inOrder) {
      await pause(clock, afterMs, stopping, message.delivery.lost)
      return RELEASE
    }
    const dueAt = clock.wall() + afterMs
    const record = laterRecord(message, group, dueAt, attemptsMade)
    // A foreign client may publish what is too large for us: such a message would go round for ever.
    if (isTooLarge(message) && outcome.kind === 'retry')
      return bury(message, { kind: 'dead', reason: 'error', error: outcome.error })
    return tryPublish(message, outcome, `retry of ${name}`, 'degraded', () => parts.publish(record))
  }

  function isTooLarge({ bytes }: Message): boolean {
    return bytes.byteLength > maxBodyBytes
  }

  async function bury(message: Message, outcome: Outcome & { kind: 'dead' }): Promise<Outcome> {
    if (parts.bury !== undefined) {
      await parts.bury(message, outcome.error)
      return outcome
    }
    logger.error(`message ${message.id} of ${message.topic} is dead: ${outcome.reason}`, {
      group,
      attempts: message.attempt,
      kept: options.deadLetter,
      error: outcome.error,
    })
    if (!options.deadLetter || group === undefined) {
      stats.dropped++
      return outcome
    }
    const diedAt = clock.wall()
    const record = (kept: Kept): OutboundRecord => deadRecord(message, group, outcome, diedAt, kept, maxBodyBytes)
    const least = isTooLarge(message) ? 'part' : 'body'
    const buried = await tryPublish(message, outcome, `dead letter of ${name}`, 'down', async () => {
      try {
        await parts.publish(record(least === 'part' ? 'part' : 'all'))
      } catch (thrown) {
        if (CommunicationError.from(thrown).retryable) throw thrown
        await parts.publish(record(least))
      }
    })
    if (buried.kind === 'dead') stats.dead++
    return buried
  }

  async function tryPublish(
    message: Message,
    outcome: Outcome,
    what: string,
    status: 'degraded' | 'down',
    publish: () => Promise<void>,
  ): Promise<Outcome> {
    try {
      await publish()
      trouble.clear(what)
      return outcome
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      const failures = trouble.report(what, status, `a ${what} cannot be published: ${error.message}`, message.id)
      const afterMs = refusedBackoff.delayMs({ retry: failures, previousMs: undefined, random })
      logger.error(`a ${what} was refused; message ${message.id} goes back to the broker in ${Math.round(afterMs)} ms`, { error })
      await pause(clock, afterMs, stopping, message.delivery.lost)
      return RELEASE
    }
  }
}
