import { notify } from '../notify.ts'
import { callable, checkArgument, checkOptions, nonEmptyText, withDefaults } from '../options.ts'
import { isObserved, tell } from './policy-events.ts'
import { promiseOf } from './promise-of.ts'
import type { Call, Stage } from './stage.ts'

export interface FallbackOptions {
  /** Names it in events and metrics. @default 'fallback' */
  readonly name?: string
  /** Which failures it answers for. @default every one */
  readonly when?: (error: unknown, call: Call) => boolean
  /** Is told before `answer` is asked. */
  readonly onFallback?: (error: unknown) => void
}

export const FALLBACK_DEFAULTS: Readonly<Required<Pick<FallbackOptions, 'name'>>> = Object.freeze({ name: 'fallback' })

/**
 * Answers for a call that failed, unless nobody waits for the answer any more (the caller, its deadline or a stage further out
 * ended the call). An error thrown by `answer` is the call's outcome then.
 *
 * @param answer a slow one heeds `call.signal`, and reads it before its first `await`
 */
export function fallback<Result>(
  answer: (error: unknown, argument: unknown, call: Call) => Result | PromiseLike<Result>,
  options: FallbackOptions = {},
): Stage {
  checkArgument('fallback answer', answer, callable)
  checkOptions<FallbackOptions>('fallback', options, { name: nonEmptyText, when: callable, onFallback: callable })
  const { name, when = (): boolean => true, onFallback } = withDefaults(FALLBACK_DEFAULTS, options)

  const succeed = (call: Call, value: unknown): void => {
    call.failed = false
    call.error = undefined
    call.value = value
  }
  return {
    name: 'fallback',
    description: 'fallback',
    leave(call: Call): void | Promise<void> {
      const { error } = call
      if (!call.failed || call.cancelled || !when(error, call)) return
      notify('onFallback', onFallback, error)
      if (isObserved()) tell({ policy: 'fallback', name, event: 'fallback', error })
      const { signal } = call
      const value = answer(error, call.argument, call)
      const pending = promiseOf(value)
      if (pending === undefined) return succeed(call, value)
      return pending.then((settled) => {
        if (!signal.aborted) succeed(call, settled)
      })
    },
  }
}
