import type { Clock } from '../clock.ts'
import type { Reading } from './readings.ts'

/** Returned by `enter` when the stage has set the outcome itself (a cache hit): everything further in is skipped. */
export const ANSWERED: unique symbol = Symbol('answered')

/**
 * Returned by `leave` to run everything inside the stage again, with a fresh signal. Refused, so that the outcome stands, when
 * the call is `cancelled` or when the delay does not end before `deadlineAt`.
 */
export interface Rerun {
  /** Milliseconds. */
  readonly afterMs: number
}

/**
 * How an outcome counts. `ignore`: says nothing about the callee's health, such as the caller's own abort, a rejection by
 * a stage further in, a 4xx.
 */
export type Verdict = 'success' | 'failure' | 'ignore'

/**
 * One run of a pipeline, as its stages and the callee see it. Valid until the outermost stage has left. What is asked after an
 * `await` may already be about the next attempt: a callee, and a stage that waits, read `signal` and `deadlineAt` before.
 */
export interface Call {
  /** What was given to `run`, passed through unread. */
  readonly argument: unknown
  /** 1 for the first try; a rerun by any stage adds one. */
  readonly attempt: number
  readonly clock: Clock
  /**
   * The call as the outermost stage sees it: the same for all runs that an `around` stage makes of what is inside it. What several
   * attempts of one call must know of each other is kept by it.
   */
  readonly root: Call
  /**
   * Absolute, in `Clock.now()` milliseconds; Infinity when there is none. A stage that lowers it in `enter` cancels the call
   * when it passes, and restores it in `leave`.
   */
  deadlineAt: number
  /**
   * Made when first read, one per attempt; aborted by whatever cancels, never on success. The stages outside the one that
   * cancelled see a new one.
   */
  readonly signal: AbortSignal
  /** The same as `signal`, for callees to which making one AbortSignal for each attempt is too much. Its listeners must not throw. */
  readonly cancellation: Cancellation
  /** The instance chosen by a pick stage; keyed breakers and bulkheads look it up. */
  target: unknown
  /** The outcome, meaningful in `leave`, which may replace it: all three. */
  failed: boolean
  value: unknown
  error: unknown
  /** What the stage at this place has kept since it was entered; undefined at first. */
  state(at: number): unknown
  setState(at: number, value: unknown): void
  /**
   * Ends whatever is awaited inside the stage at this place: the stages inside it are left with `reason` as the outcome, and so
   * is itself. The outermost cancellation wins, and each ends when its stage is left. Without effect while the stage is not entered.
   */
  cancel(at: number, reason: unknown): void
  /** The caller, the deadline or a stage further out has cancelled: no rerun is heeded, no other outcome asked for. */
  readonly cancelled: boolean
  /** The caller's signal ended the call; no stage and no deadline did. */
  readonly abortedByCaller: boolean
  /**
   * Runs `fn` once every callee started inside this stage since it was entered has really settled: at once when none is
   * left behind, later after a cancellation that the callee ignores.
   */
  whenSettled(at: number, fn: () => void): void
}

/** How an `around` stage runs what is inside it: never, once, or several times at once, each with a target and a signal of its own. */
export type RunInside = (options?: InsideOptions) => Promise<unknown>

export interface InsideOptions {
  /** Ends this run alone; the stages inside take it for the caller's abort. */
  readonly signal?: AbortSignal
  /** @default the target of the call outside */
  readonly target?: unknown
}

/**
 * A policy. `enter` runs outermost first, `leave` innermost first, once per entered stage and pass. If `enter` throws, only
 * the stages outside it are left; it undoes itself what it took. A waiting `enter`, the callee and an asynchronous `leave`
 * are raced with cancellation: one that loses must not touch the call any more, so it looks at the `signal` that it read before.
 */
export interface Stage {
  readonly name: string
  /** One line for `describe()`. */
  readonly description?: string
  enter?(call: Call, at: number): void | typeof ANSWERED | Promise<void | typeof ANSWERED>
  /** After a Rerun that is heeded it is asked again: for the next pass, also when that is cancelled during the delay. */
  leave?(call: Call, at: number): void | Rerun | Promise<void | Rerun>
  /**
   * Gives back what a waiting `enter` took too late: the call had been cancelled meanwhile, so the stage will not be left.
   * @param entering the promise that `enter` had returned
   */
  undo?(entering: Promise<unknown>): void
  /** Takes over the call of everything inside (hedging). The array is split here when the pipeline is built. */
  around?(call: Call, at: number, runInside: RunInside): Promise<unknown>
  /** What it shows when metrics are collected. */
  readings?(): readonly Reading[]
}

/** What ends a call from outside: an AbortSignal, or what whoever makes very many calls has in its place. */
export interface Cancellation {
  readonly aborted: boolean
  readonly reason: unknown
  addEventListener(type: 'abort', listener: CancellationListener): void
  removeEventListener(type: 'abort', listener: CancellationListener): void
}

export interface CancellationListener {
  /** @param event whose target is the Cancellation */
  handleEvent(event: { readonly target: unknown }): void
}

/** What a pipeline protects. It should heed the signal; a callee that does not is left behind when its time is up. */
export type Callee<Argument, Result> = (argument: Argument, call: Call) => Promise<Result> | Result

export interface Pipeline {
  /**
   * Calls `callee(argument, call)` under all stages.
   * @param signal aborts the call; the promise then rejects with the signal's reason
   */
  run<Argument, Result>(callee: Callee<Argument, Result>, argument: Argument, signal?: Cancellation): Promise<Result>
  /** The stages in execution order, outermost first. */
  readonly stages: readonly Stage[]
  /** One line per stage, outermost first, with its resolved options. */
  describe(): string
}
