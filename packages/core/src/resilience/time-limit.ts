import type { Timer } from '../clock.ts'
import { setSharedTimer } from './shared-timers.ts'
import type { Call } from './stage.ts'

interface Entered {
  readonly timer: Timer
  readonly outerDeadlineAt: number
}

/**
 * For the `enter` of a stage that limits the time of what is inside: lowers the deadline by `ms` from now, and calls `expire` then, which has to
 * cancel the call. Does nothing where an enclosing deadline comes first: that one fires and says so.
 * @param ms Infinity: no limit
 */
export function enterTimeLimit(call: Call, at: number, ms: number, expire: () => void): void {
  const now = call.clock.now()
  const dueAt = now + ms
  if (call.deadlineAt <= dueAt) return
  const timer = setSharedTimer(call.clock, now, ms, expire)
  call.setState(at, { timer, outerDeadlineAt: call.deadlineAt } satisfies Entered)
  call.deadlineAt = dueAt
}

/** For its `leave`. */
export function leaveTimeLimit(call: Call, at: number): void {
  const entered = call.state(at) as Entered | undefined
  if (entered === undefined) return
  call.setState(at, undefined)
  entered.timer.cancel()
  call.deadlineAt = entered.outerDeadlineAt
}
