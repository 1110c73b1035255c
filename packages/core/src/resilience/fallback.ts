import { callable, checkArgument, checkOptions } from '../options.ts'
import type { Call, Stage } from './stage.ts'

export interface FallbackOptions {
  /** Which failures it answers for. @default every one but the caller's own abort */
  readonly when?: (error: unknown, call: Call) => boolean
  readonly onFallback?: (error: unknown) => void
}

/** Answers for a call that failed. An error thrown by `answer` is the call's outcome then. */
export function fallback<Result>(
  answer: (error: unknown, argument: unknown) => Result | Promise<Result>,
  options: FallbackOptions = {},
): Stage {
  checkArgument('fallback answer', answer, callable)
  checkOptions<FallbackOptions>('fallback', options, { when: callable, onFallback: callable })
  const { when = (): boolean => true, onFallback } = options

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
      if (!call.failed || call.abortedByCaller || !when(error, call)) return
      onFallback?.(error)
      const value = answer(error, call.argument)
      if (!(value instanceof Promise)) return succeed(call, value)
      const { signal } = call
      return value.then((settled) => {
        if (!signal.aborted) succeed(call, settled)
      })
    },
  }
}
