import { type Call, type Stage, TimeoutError, type Timer } from '@comm/core'
import type { HttpRequest } from './request.ts'
import { displayUrl } from './url.ts'

interface Entered {
  readonly timer: Timer
  readonly outerDeadlineAt: number
}

/**
 * Ends the whole call, retries and waits included, after the `timeout.totalMs` of its request. A client puts it in front of
 * its policies, unless it is among them: place it yourself to have a stage outside, such as a fallback.
 */
export const totalTimeout: Stage = requestTimeout('totalMs')
/** Ends one attempt after the `timeout.attemptMs` of its request. A client puts it behind its policies. */
export const attemptTimeout: Stage = requestTimeout('attemptMs')

/** Unlike core's `timeout` the limit comes from the request. An enclosing deadline that comes first is left to fire. */
function requestTimeout(key: 'totalMs' | 'attemptMs'): Stage {
  const limit = key.slice(0, -2)
  return {
    name: `${limit} timeout`,
    description: `${limit} timeout (timeout.${key} of the request)`,
    enter(call: Call, at: number): void {
      const request = call.argument as HttpRequest
      const limitMs = request.timeout[key]
      const dueAt = call.clock.now() + limitMs
      if (call.deadlineAt <= dueAt) return
      const timer = call.clock.setTimer(limitMs, () => call.cancel(at, expired(request, limit, limitMs, call.attempt)))
      call.setState(at, { timer, outerDeadlineAt: call.deadlineAt } satisfies Entered)
      call.deadlineAt = dueAt
    },
    leave(call: Call, at: number): void {
      const entered = call.state(at) as Entered | undefined
      if (entered === undefined) return
      call.setState(at, undefined)
      entered.timer.cancel()
      call.deadlineAt = entered.outerDeadlineAt
    },
  }
}

function expired({ method, url }: HttpRequest, limit: string, limitMs: number, attempt: number): TimeoutError {
  const tried = attempt > 1 ? ` in attempt ${attempt}` : ''
  return new TimeoutError(`${method} ${displayUrl(url)} was not answered within ${limitMs} ms${tried} (${limit}Ms)`, {
    details: { method, url: displayUrl(url), limit, limitMs, attempts: attempt },
  })
}
