import { runInContext, setSharedTimer, TimeoutError } from '@comm/core'
import { Attempt } from '../attempt.ts'
import { contextOf, type Message } from '../message.ts'
import { EXPIRED, type Outcome } from '../outcome.ts'
import { outcomeOfError, type Run } from './handle.ts'
import type { PipelineParts, Step } from './step.ts'

/**
 * Gives each attempt its time. When it is up the attempt's signal aborts and the attempt has failed, whether or not the handler heeds
 * the signal: one that never ends must not stop the consumer, so it is left behind and may overlap with the next attempt. A request
 * has no more time than its requester waits.
 */
export function deadline(run: Run, parts: PipelineParts): Step {
  const { clock, name, outside } = parts
  const { deadlineMs } = parts.options
  const now = (): number => clock.now()

  return (message) => {
    const requesterMs = requesterWaitsMs(message)
    const timeMs = Math.min(deadlineMs, requesterMs)
    const startedAt = clock.now()
    const attempt = new Attempt(message, startedAt + timeMs, now)
    message.running = attempt
    const running = run(message, attempt)
    if (!(running instanceof Promise)) {
      message.over(attempt)
      return running
    }
    return new Promise((resolve) => {
      const timeIsUp = (): void => {
        const error = requesterMs < deadlineMs ? requesterGone(message) : tooSlow(message)
        attempt.abort(error, requesterMs < deadlineMs ? EXPIRED : outcomeOfError(error, parts))
      }
      // Shared by messages, so it fires in the context of none.
      const timer = setSharedTimer(clock, startedAt, timeMs, () => outside(runInContext, contextOf(message), timeIsUp))
      const finish = (outcome: Outcome): void => {
        timer.cancel()
        message.over(attempt)
        resolve(outcome)
      }
      attempt.onAbort = finish
      void running.then(finish)
    })
  }

  function requesterWaitsMs({ isRequest, expiresAt }: Message): number {
    return isRequest && expiresAt !== undefined ? Math.max(0, expiresAt - clock.wall()) : Number.POSITIVE_INFINITY
  }

  function tooSlow({ topic, id }: Message): TimeoutError {
    return new TimeoutError(`the handler of ${name} did not finish within ${deadlineMs} ms; raise deadlineMs or make it faster`, {
      details: { limit: 'deadlineMs', limitMs: deadlineMs, topic, id },
    })
  }

  function requesterGone({ topic, id }: Message): TimeoutError {
    return new TimeoutError(`whoever sent request ${id} to ${topic} waits no longer`, {
      code: 'COMM_DEADLINE_EXCEEDED',
      details: { limit: 'deadline of the requester', topic, id },
    })
  }
}
