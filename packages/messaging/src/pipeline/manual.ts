import type { Attempt } from '../attempt.ts'
import type { MessageMeta } from '../message.ts'
import { verdictOf } from '../outcome.ts'
import type { Handler } from './step.ts'

/**
 * Makes of a handler that acknowledges by hand one that returns its verdict, once it has been given: while it runs or later. What it
 * throws before is a failed attempt, and what `retryAfter` and `deadLetter` made counts when it is returned, too.
 */
export function untilVerdict(handler: Handler): Handler {
  return (body: unknown, meta: MessageMeta) =>
    new Promise((resolve, reject) => {
      const attempt = meta as Attempt
      attempt.onVerdict = resolve
      const returned = (value: unknown): void => {
        if (verdictOf(value) !== undefined) resolve(value)
      }
      Promise.resolve(handler(body, meta)).then(returned, reject)
    })
}
