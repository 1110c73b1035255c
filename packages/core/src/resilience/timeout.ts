import type { Timer } from '../clock.ts'
import { checkOptions, nonEmptyText, required, withDefaults } from '../options.ts'
import { isObserved, tell } from './policy-events.ts'
import { aDurationMs } from './rules.ts'
import { setSharedTimer } from './shared-timers.ts'
import type { Call, Stage } from './stage.ts'
import { timeoutError } from './timeout-errors.ts'

export interface TimeoutOptions {
  /** Names it in events and metrics. @default 'timeout' */
  readonly name?: string
  /** Milliseconds for everything inside the stage: an attempt when it stands inside `retry`, the whole when outside. */
  readonly ms: number
}

export const TIMEOUT_DEFAULTS: Readonly<Required<Pick<TimeoutOptions, 'name'>>> = Object.freeze({ name: 'timeout' })

interface Entered {
  readonly timer: Timer
  readonly outerDeadlineAt: number
}

/**
 * Ends what is inside after `ms`: the call fails with TimeoutError, the signal aborts, and a callee that ignores the signal is
 * left behind. Where an enclosing deadline comes first, that one fires and says so.
 */
export function timeout(options: TimeoutOptions): Stage {
  checkOptions<TimeoutOptions>('timeout', options, { name: nonEmptyText, ms: required(aDurationMs) })
  const { name, ms } = withDefaults(TIMEOUT_DEFAULTS, options)
  return {
    name: 'timeout',
    description: `timeout (${ms} ms)`,
    enter(call: Call, at: number): void {
      const now = call.clock.now()
      const dueAt = now + ms
      if (call.deadlineAt <= dueAt) return
      const timer = setSharedTimer(call.clock, now, ms, () => {
        call.cancel(at, timeoutError(ms, call.attempt))
        if (isObserved()) tell({ policy: 'timeout', name, event: 'timeout', ms })
      })
      call.setState(at, { timer, outerDeadlineAt: call.deadlineAt } satisfies Entered)
      call.deadlineAt = dueAt
    },
    leave(call: Call, at: number): void {
      const entered = call.state(at) as Entered | undefined
      if (entered === undefined) return
      entered.timer.cancel()
      call.deadlineAt = entered.outerDeadlineAt
    },
  }
}
