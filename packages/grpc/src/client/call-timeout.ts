import { type Call, enterTimeLimit, leaveTimeLimit, type Stage, TimeoutError } from '@comm/core'
import type { Outgoing } from './outgoing.ts'

/**
 * Ends the whole call, retries and waits included, after its `totalMs`; of a call that answers with a stream, the wait for the first message.
 * A client puts it in front of its policies, unless it is among them.
 */
export const totalTimeout: Stage = callTimeout('totalMs')
/** Ends one attempt after the `attemptMs` of its call. A client puts it behind its policies, unless it is among them. */
export const attemptTimeout: Stage = callTimeout('attemptMs')

/** Unlike core's `timeout` the limit comes from the call. An enclosing deadline that comes first is left to fire. */
function callTimeout(key: 'totalMs' | 'attemptMs'): Stage {
  const limit = key.slice(0, -2)
  return {
    name: `${limit} timeout`,
    description: `${limit} timeout (timeout.${key})`,
    enter(call: Call, at: number): void {
      const outgoing = call.argument as Outgoing
      const limitMs = outgoing[key]
      enterTimeLimit(call, at, limitMs, () => call.cancel(at, expired(outgoing, limit, limitMs, call.attempt)))
    },
    leave: leaveTimeLimit,
  }
}

export function expired({ method, target }: Outgoing, limit: string, limitMs: number, attempts: number): TimeoutError {
  const tried = attempts > 1 ? ` in attempt ${attempts}` : ''
  return new TimeoutError(`${method.fullName} of ${target} was not answered within ${limitMs} ms${tried} (${limit}Ms)`, {
    details: { method: method.fullName, target, limit, limitMs, attempts },
  })
}
