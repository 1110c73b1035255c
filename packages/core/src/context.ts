import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from './clock.ts'
import { checkArgument, number } from './options.ts'
import type { Principal } from './principal.ts'

/** What travels with a call: through async code by itself, and over HTTP, gRPC and brokers in headers. */
export interface CallContext {
  /** Ties together the log lines and spans of everything that one request caused. */
  readonly correlationId: string
  /** When the outermost caller stops waiting, in `Clock.now()` milliseconds of this process; absent: no deadline. */
  readonly deadlineAt?: number
  /** Aborts when the caller of this service has gone away. */
  readonly signal?: AbortSignal
  /** The header the correlation id came in and goes out with, when not the default. */
  readonly correlationHeader?: string
  /** Whom the call acts for. It stays in this process: the next one establishes it by itself. */
  readonly principal?: Principal | undefined
}

export const DEFAULT_CORRELATION_HEADER = 'X-Correlation-ID'
/** Carries the remaining time in milliseconds, so that the clocks of two machines need not agree. */
export const DEADLINE_HEADER = 'X-Request-Timeout-Ms'

/** One for the process, also when this package is installed twice, or the correlation id would be lost between the two. */
const STORAGE: unique symbol = Symbol.for('@comm/core/call-context@1')
const shared = globalThis as typeof globalThis & { [STORAGE]?: AsyncLocalStorage<CallContext> }
const storage = shared[STORAGE] ?? new AsyncLocalStorage<CallContext>()
shared[STORAGE] = storage

/** The context of the running call, or undefined outside of any. */
export function currentContext(): CallContext | undefined {
  return storage.getStore()
}

/** The principal that the running call acts for; undefined outside of any call, and in one whose caller nobody has authenticated. */
export function currentPrincipal(): Principal | undefined {
  return storage.getStore()?.principal
}

/** Runs `fn`, and everything asynchronous that it starts, inside a context. */
export function runInContext<Result>(context: CallContext, fn: () => Result): Result {
  return storage.run(context, fn)
}

/** Runs what does not belong to the call that happens to cause it: nobody's deadline ends it. */
export function runOutsideOfContext<Result>(fn: () => Result): Result {
  return storage.exit(fn)
}

/** Up to Node 22, and with `--no-async-context-frame`, what is entered inside an AsyncResource stays in it. */
const forgetsEntered: boolean = (() => {
  const resource = new AsyncResource('comm.Context')
  resource.runInAsyncScope(() => storage.enterWith({ correlationId: '' }))
  return resource.runInAsyncScope(() => storage.getStore()?.correlationId !== '')
})()

/**
 * The async context that it was made in, for calls that come one after the other and each have a call context of their own: a fourth of
 * the price of `AsyncLocalStorage.snapshot` and `runInContext`, which matters where a call takes no more than a microsecond.
 */
export class ContextScope {
  readonly #resource = new AsyncResource('comm.ContextScope')

  /** Runs `fn`, and everything asynchronous that it starts, in the scope's async context and inside a call context. */
  run<Argument, Result>(context: CallContext, fn: (argument: Argument) => Result, argument: Argument): Result {
    return this.#resource.runInAsyncScope(enter<Argument, Result>, undefined, context, fn, argument)
  }
}

function enter<Argument, Result>(context: CallContext, fn: (argument: Argument) => Result, argument: Argument): Result {
  if (!forgetsEntered) return storage.run(context, fn, argument)
  // Leaving the resource restores what was there before.
  storage.enterWith(context)
  return fn(argument)
}

/**
 * Runs `fn` in a context made from the current one: absent and undefined fields are inherited, the earlier deadline wins,
 * either signal aborts, and a correlation id is made up when there is none yet.
 */
export function withContext<Result>(change: Partial<CallContext>, fn: () => Result): Result {
  const outer = storage.getStore()
  const deadlineAt = earlier(outer?.deadlineAt, change.deadlineAt)
  const signal = either(outer?.signal, change.signal)
  const correlationHeader = change.correlationHeader ?? outer?.correlationHeader
  const principal = change.principal ?? outer?.principal
  const context: CallContext = {
    correlationId: change.correlationId ?? outer?.correlationId ?? newCorrelationId(),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(signal === undefined ? {} : { signal }),
    ...(correlationHeader === undefined ? {} : { correlationHeader }),
    ...(principal === undefined ? {} : { principal }),
  }
  return storage.run(context, fn)
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

function either(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined || one === other ? (one ?? other) : AbortSignal.any([one, other])
}

/**
 * Runs `fn` with at most `ms` milliseconds for everything it calls; a time that is already past counts as 0.
 * @throws ConfigurationError when `ms` is not a number
 */
export function withDeadline<Result>(ms: number, fn: () => Result, clock: Clock = systemClock): Result {
  checkArgument('withDeadline ms', ms, number({ infinite: true }))
  return withContext(ms === Number.POSITIVE_INFINITY ? {} : { deadlineAt: clock.now() + Math.max(0, ms) }, fn)
}

export function newCorrelationId(): string {
  return randomUUID()
}

/** A correlation id from outside is used only when it is short and printable, so that it cannot forge log lines or headers. */
export function isCorrelationId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 128 && /^[\x21-\x7e]+$/.test(value)
}
