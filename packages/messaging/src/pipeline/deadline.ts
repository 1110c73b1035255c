import { TimeoutError } from '@comm/core'
import { Attempt } from '../message.ts'
import type { Outcome } from '../outcome.ts'
import { outcomeOfError, type Run } from './handle.ts'
import type { PipelineParts, Step } from './step.ts'

/**
 * Gives each attempt its time. When it is up the attempt's signal aborts and the attempt has failed, whether or not the handler heeds
 * the signal: one that never ends must not stop the consumer, so it is left behind and may overlap with the next attempt.
 */
export function deadline(run: Run, parts: PipelineParts): Step {
  const { clock, name } = parts
  const { deadlineMs } = parts.options
  const now = (): number => clock.now()

  return async (message) => {
    const startedAt = now()
    const expiresInMs =
      message.isRequest && message.expiresAt !== undefined ? message.expiresAt - clock.wall() : Number.POSITIVE_INFINITY
    const attempt = new Attempt(message, startedAt + Math.min(deadlineMs, expiresInMs), now)
    message.running = attempt
    try {
      const running = run(message, attempt)
      if (!(running instanceof Promise)) return running
      return await new Promise<Outcome>((resolve) => {
        const timer = clock.setTimer(attempt.remainingMs(), () => {
          const error = new TimeoutError(
            `the handler of ${name} did not finish within ${deadlineMs} ms; raise deadlineMs or make it faster`,
            {
              code: expiresInMs < deadlineMs ? 'COMM_DEADLINE_EXCEEDED' : 'COMM_TIMEOUT',
              details: { limit: 'deadlineMs', limitMs: Math.min(deadlineMs, expiresInMs), topic: message.topic, id: message.id },
            },
          )
          resolve(outcomeOfError(error, parts))
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
}
