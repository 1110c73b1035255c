import { type Call, enterTimeLimit, leaveTimeLimit, type Stage, TimeoutError } from '@comm/core'
import { instanceOf } from './balancing/instance-url.ts'
import type { HttpRequest } from './request.ts'
import { displayUrl } from './url.ts'

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
      const limitMs = (call.argument as HttpRequest).timeout[key]
      enterTimeLimit(call, at, limitMs, () => call.cancel(at, expired(call, limit, limitMs)))
    },
    leave: leaveTimeLimit,
  }
}

function expired({ argument, attempt, target }: Call, limit: string, limitMs: number): TimeoutError {
  const request = argument as HttpRequest
  const { method, url } = request
  const instance = instanceOf(request, target)
  const tried = `${attempt > 1 ? ` in attempt ${attempt}` : ''}${instance === undefined ? '' : ` at ${instance}`}`
  return new TimeoutError(`${method} ${displayUrl(url)} was not answered within ${limitMs} ms${tried} (${limit}Ms)`, {
    details: { method, url: displayUrl(url), limit, limitMs, attempts: attempt, ...(instance === undefined ? {} : { instance }) },
  })
}
