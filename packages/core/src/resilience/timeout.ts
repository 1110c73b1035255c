import { checkOptions, nonEmptyText, required, withDefaults } from '../options.ts'
import { isObserved, tell } from './policy-events.ts'
import { aDurationMs } from './rules.ts'
import type { Call, Stage } from './stage.ts'
import { enterTimeLimit, leaveTimeLimit } from './time-limit.ts'
import { timeoutError } from './timeout-errors.ts'

export interface TimeoutOptions {
  /** Names it in events and metrics. @default 'timeout' */
  readonly name?: string
  /** Milliseconds for everything inside the stage: an attempt when it stands inside `retry`, the whole when outside. */
  readonly ms: number
}

export const TIMEOUT_DEFAULTS: Readonly<Required<Pick<TimeoutOptions, 'name'>>> = Object.freeze({ name: 'timeout' })

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
      enterTimeLimit(call, at, ms, () => {
        call.cancel(at, timeoutError(ms, call.attempt))
        if (isObserved()) tell({ policy: 'timeout', name, event: 'timeout', ms })
      })
    },
    leave: leaveTimeLimit,
  }
}
