import { TimeoutError } from '@comm/core'
import { Attempt, type Message } from '../message.ts'
import { EXPIRED, type Outcome } from '../outcome.ts'
import { outcomeOfError, type Run } from './handle.ts'
import type { PipelineParts, Step } from './step.ts'

/**
 * Gives each attempt its time. When it is up the attempt's signal aborts and the attempt has failed, whether or not the handler heeds
 * the signal: one that never ends must not stop the consumer, so it is left behind and may overlap with the next attempt. A request
 * has no more time than its requester waits.
 */
export function deadline(run: Run, parts: PipelineParts): Step {
  const { clock, name } = parts
  const { deadlineMs } = parts.options
  const now = (): number => clock.now()

  return async (message) => {
    const requesterMs = requesterWaitsMs(message)
    const attempt = new Attempt(message, now() + Math.min(deadlineMs, requesterMs), now)
    message.running = attempt
    try {
      const running = run(message, attempt)
      if (!(running instanceof Promise)) return running
      return await new Promise<Outcome>((resolve) => {
        const timer = clock.setTimer(attempt.remainingMs(), () => {
          const error = requesterMs < deadlineMs ? requesterGone(message) : tooSlow(message)
          resolve(requesterMs < deadlineMs ? EXPIRED : outcomeOfError(error, parts))
          attempt.abort(error)
        })
        attempt.onAbort = (outcome) => {
          timer.cancel()
          resolve(outcome)
        }
        void running.then((outcome) => {
          timer.cancel()
          resolve(outcome)
        })
      })
    } finally {
      attempt.end()
      message.running = undefined
    }
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
