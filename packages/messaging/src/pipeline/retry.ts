import { pause } from '@comm/core'
import type { Message } from '../message.ts'
import { consumerAttributes } from '../observe/attributes.ts'
import { instruments } from '../observe/instruments.ts'
import { type Outcome, RELEASE } from '../outcome.ts'
import type { PipelineParts, Step } from './step.ts'

/** Longest a retry may be put off by what a failed callee asked for. */
const LONGEST_HINT_MS = 3_600_000

/**
 * Decides what follows a failed attempt: another one here, another one after the broker held the message for a while, or none.
 * In order, and where the broker cannot delay for one group, every retry happens here.
 */
export function retryInProcess(next: Step, parts: PipelineParts): Step {
  const { clock, random, stats, stopping, system } = parts
  const { group } = parts.options
  const { maxAttempts, backoff, inOrder } = parts.options.retry
  const inProcess = inOrder || !canRepublish(parts) ? Number.POSITIVE_INFINITY : parts.options.retry.inProcess

  return (message) => {
    const outcome = next(message)
    return outcome instanceof Promise ? outcome.then((late) => decide(message, late)) : decide(message, outcome)
  }

  function decide(message: Message, outcome: Outcome): Outcome | Promise<Outcome> {
    return outcome.kind === 'retry' ? again(message, outcome) : outcome
  }

  async function again(message: Message, failed: Outcome & { kind: 'retry' }): Promise<Outcome> {
    let outcome: Outcome = failed
    for (let made = 0; outcome.kind === 'retry'; made++) {
      if (message.attempt >= maxAttempts) return { kind: 'dead', reason: 'attempts', error: outcome.error }
      const afterMs = delayAfter(outcome, message.attempt)
      if (made >= inProcess) return { kind: 'retry', afterMs, error: outcome.error }
      if (!(await pause(clock, afterMs, stopping, message.delivery.lost))) return RELEASE
      message.attempt++
      stats.retried++
      instruments()?.retried.add(1, consumerAttributes(system, group, message.topic))
      outcome = await next(message)
    }
    return outcome
  }

  function delayAfter(outcome: Outcome & { kind: 'retry' }, attempt: number): number {
    if (outcome.afterMs !== undefined) return outcome.afterMs
    const ownMs = backoff.delayMs({ retry: attempt, previousMs: undefined, random })
    return Math.max(ownMs, Math.min(outcome.hintMs ?? 0, LONGEST_HINT_MS))
  }
}

/** Whether a message can go back to the broker for this group alone and stay there until it is due. */
export function canRepublish(parts: Pick<PipelineParts, 'features' | 'options'>): boolean {
  return parts.options.group !== undefined && parts.features.delay && parts.features.groups
}
