import type { Clock } from '../clock.ts'

/** Returned by `enter` when the stage has set the outcome itself (a cache hit): everything further in is skipped. */
export const ANSWERED: unique symbol = Symbol('answered')

/** Returned by `leave` to run everything inside the stage again. */
export interface Rerun {
  readonly afterMs: number
}

/**
 * How an outcome counts. `ignore`: says nothing about the callee's health, such as the caller's own abort, a rejection by
 * a stage further in, a 4xx.
 */
export type Verdict = 'success' | 'failure' | 'ignore'

/**
 * One run of a pipeline, as its stages and the callee see it. Valid until the outermost stage has left. A callee reads
 * `signal` before its first `await`: afterwards the call may already be in its next attempt.
 */
export interface Call {
  /** What was given to `run`, passed through unread. */
  readonly argument: unknown
  /** 1 for the first try; a rerun by any stage adds one. */
  readonly attempt: number
  readonly clock: Clock
  /** Absolute, in `Clock.now()` milliseconds; Infinity when there is none. A stage may lower it in `enter` and restores it in `leave`. */
  deadlineAt: number
  /** Made when first read, one per attempt; aborted by the caller, by a cancelling stage, never on success. */
  readonly signal: AbortSignal
  /** The instance chosen by a pick stage; keyed breakers and bulkheads look it up. */
  target: unknown
  /** The outcome, meaningful in `leave`, which may replace it. */
  failed: boolean
  value: unknown
  error: unknown
  /** What the stage at this place keeps for this call. */
  state(at: number): unknown
  setState(at: number, value: unknown): void
  /** Ends whatever is awaited inside the stage at this place; the pipeline then leaves the stages inside it with `reason`. */
  cancel(at: number, reason: unknown): void
  /** The caller's signal ended the call; no stage and no deadline did. */
  readonly abortedByCaller: boolean
  /**
   * Runs `fn` once every callee started inside this stage since it was entered has really settled: at once when none is
   * left behind, later after a cancellation that the callee ignores.
   */
  whenSettled(at: number, fn: () => void): void
}

/**
 * A policy. `enter` runs outermost first, `leave` innermost first, once per entered stage and pass. If `enter` throws, only
 * the stages outside it are left; it undoes itself what it took. A waiting `enter`, the callee and an asynchronous `leave`
 * are raced with cancellation.
 */
export interface Stage {
  readonly name: string
  /** One line for `describe()`. */
  readonly description?: string
  enter?(call: Call, at: number): void | typeof ANSWERED | Promise<void | typeof ANSWERED>
  leave?(call: Call, at: number): void | Rerun | Promise<void | Rerun>
  /** Gives back what a waiting `enter` took too late: the call had been cancelled meanwhile, so the stage will not be left. */
  undo?(): void
  /** Takes over the call of everything inside (hedging). The array is split here when the pipeline is built. */
  around?(call: Call, at: number, inner: (call: Call) => Promise<unknown>): Promise<unknown>
}

/** What a pipeline protects. It should heed the signal; a callee that does not is left behind when its time is up. */
export type Callee<Argument, Result> = (argument: Argument, call: Call) => Promise<Result> | Result

export interface Pipeline {
  /**
   * Calls `callee(argument, call)` under all stages.
   * @param signal aborts the call; the promise then rejects with the signal's reason
   */
  run<Argument, Result>(callee: Callee<Argument, Result>, argument: Argument, signal?: AbortSignal): Promise<Result>
  /** The stages in execution order, outermost first. */
  readonly stages: readonly Stage[]
  /** One line per stage, outermost first, with its resolved options. */
  describe(): string
}
