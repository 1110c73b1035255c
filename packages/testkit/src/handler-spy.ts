import { WAIT_FOR_DEFAULTS, waitFor } from './wait-for.ts'

/** What a scripted call does instead of the usual. */
export type SpyStep<Arguments extends readonly unknown[], Result> = (...call: Arguments) => Result | Promise<Result>

/** A handler that remembers its calls and does what it was told. */
export interface HandlerSpy<Arguments extends readonly unknown[], Result> {
  (...call: Arguments): Promise<Result>
  /** The arguments of every call, oldest first. */
  readonly calls: readonly Arguments[]
  /** The first argument of every call: for a message handler, the messages. */
  readonly messages: readonly Arguments[0][]
  /** Calls that have not ended. */
  readonly running: number
  /** The next calls throw this, as many as said; later ones do the usual again. Scripted steps queue up. */
  fails(times: number, error?: unknown): this
  /** The next call does this. */
  next(step: SpyStep<Arguments, Result>): this
  /** What every call does that is not scripted. */
  usually(step: SpyStep<Arguments, Result>): this
  /** Resolves once there were at least so many calls. @throws Error after `timeoutMs` (default 30000) */
  called(times: number, timeoutMs?: number): Promise<void>
}

/**
 * ```ts
 * const spy = handlerSpy<[order: Order]>().fails(2, new Error('not yet'))
 * await client.subscribe('order.created', spy, { group: 'billing' })
 * await spy.called(3)
 * ```
 */
export function handlerSpy<Arguments extends readonly unknown[] = readonly unknown[], Result = void>(
  usual?: SpyStep<Arguments, Result>,
): HandlerSpy<Arguments, Result> {
  const calls: Arguments[] = []
  const script: SpyStep<Arguments, Result>[] = []
  let step = usual
  let running = 0

  async function handle(...call: Arguments): Promise<Result> {
    calls.push(call)
    running++
    try {
      const answer = await (script.shift() ?? step)?.(...call)
      return answer as Result
    } finally {
      running--
    }
  }

  const spy: HandlerSpy<Arguments, Result> = Object.assign(handle, {
    calls,
    messages: [],
    running: 0,
    fails(times: number, error: unknown = new Error('handlerSpy was told to fail')) {
      for (let time = 0; time < times; time++) {
        script.push(() => {
          throw error
        })
      }
      return spy
    },
    next(scripted: SpyStep<Arguments, Result>) {
      script.push(scripted)
      return spy
    },
    usually(next: SpyStep<Arguments, Result>) {
      step = next
      return spy
    },
    async called(times: number, timeoutMs = WAIT_FOR_DEFAULTS.timeoutMs) {
      const what = `call ${times} of a handler`
      await waitFor(() => calls.length >= times, { what, timeoutMs }).catch((thrown: unknown) => {
        throw new Error(`${(thrown as Error).message}: it was called ${calls.length} times`)
      })
    },
  })
  Object.defineProperty(spy, 'messages', { get: () => calls.map(([message]) => message) })
  Object.defineProperty(spy, 'running', { get: () => running })
  return spy
}
