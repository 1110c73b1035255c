import { AsyncResource } from 'node:async_hooks'
import type { Clock, Timer } from '../clock.ts'
import { promiseOf } from './promise-of.ts'
import { ANSWERED, type Call, type Callee, type Rerun, type Stage } from './stage.ts'
import { deadlineError } from './timeout-errors.ts'
import { Unsettled } from './unsettled.ts'

/** A stage as the run sees it; all slots have one shape, so that the loops below stay monomorphic. */
export interface Slot {
  readonly enter: Stage['enter']
  readonly leave: Stage['leave']
  readonly undo: Stage['undo']
}

/** The place of whoever is outside every stage: the caller, with its signals and its deadline. */
const CALLER = -1
/** Further in than every place. */
const NOBODY = 0x3fffffff

type Waiting = 'not' | 'enter' | 'callee' | 'leave' | 'delay'

let capturedResolve: (value: unknown) => void
let capturedReject: (reason: unknown) => void
/** One executor for all promises: it saves a closure per call. */
function capture(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  capturedResolve = resolve
  capturedReject = reject
}

const RESOURCE = { requireManualDestroy: true }

/**
 * One call on its way through the stages: a state machine that walks the slots inwards (`#enter`), calls the callee, and
 * walks outwards (`#leave`).
 *
 * It waits for at most one thing at a time, and whatever it waits for is raced with `cancel`: every wait has a ticket, and a
 * settlement whose ticket is no longer current changes nothing. It is an async resource, because what wakes it (a timer shared
 * with other calls, somebody's abort) runs in the async context of others, and a rerun must not inherit their correlation id.
 *
 * Places are counted from the first slot inside, and from the first stage of the whole pipeline (`at`, `base` more) outside.
 */
export class RunningCall extends AsyncResource implements Call {
  readonly argument: unknown
  readonly clock: Clock
  attempt = 1
  deadlineAt: number
  target: unknown = undefined
  failed = false
  value: unknown = undefined
  error: unknown = undefined

  readonly #slots: readonly Slot[]
  readonly #base: number
  readonly #callee: Callee<unknown, unknown>
  readonly #states: unknown[]
  readonly #promise: Promise<unknown>
  readonly #resolve: (value: unknown) => void
  readonly #reject: (reason: unknown) => void
  /** Stages at places below this one are entered and enclose what is going on; only they and the caller may cancel it. */
  #depth = 0
  #waiting: Waiting = 'not'
  #ticket = 0
  /** The outermost that cancelled and has not been left since. */
  #cancelledBy = NOBODY
  #reason: unknown = undefined
  #abortedByCaller = false
  #controller: AbortController | undefined = undefined
  #delay: Timer | undefined = undefined
  #deadline: Timer | undefined = undefined
  #callerSignal: AbortSignal | undefined = undefined
  #contextSignal: AbortSignal | undefined = undefined
  #unsettled: Unsettled | undefined = undefined
  /** The run of the stages outside an `around` stage, for the run of those inside it. */
  #outer: RunningCall | undefined = undefined
  #outerTicket = 0

  /** @param base place of the first slot in the whole pipeline, which an `around` stage splits into several runs */
  constructor(
    slots: readonly Slot[],
    base: number,
    callee: Callee<unknown, unknown>,
    argument: unknown,
    clock: Clock,
    deadlineAt: number,
  ) {
    super('comm.call', RESOURCE)
    this.#slots = slots
    this.#base = base
    this.#callee = callee
    this.#states = new Array<unknown>(slots.length)
    this.argument = argument
    this.clock = clock
    this.deadlineAt = deadlineAt
    this.#promise = new Promise(capture)
    this.#resolve = capturedResolve
    this.#reject = capturedReject
  }

  /** Begins the call: the caller's signal, that of its context and the deadline end it. */
  start(callerSignal: AbortSignal | undefined, contextSignal: AbortSignal | undefined): Promise<unknown> {
    if (this.deadlineAt !== Number.POSITIVE_INFINITY) {
      const remainingMs = this.deadlineAt - this.clock.now()
      if (!(remainingMs > 0)) return this.#refuse(deadlineError())
      this.#deadline = this.clock.setTimer(remainingMs, () => this.#cancel(CALLER, deadlineError()))
    }
    return this.#begin(callerSignal, contextSignal)
  }

  /** Begins a run of the stages inside an `around` stage. The run outside ends it, in time for the deadline too. */
  startInside(outer: RunningCall, ticket: number, outerSignal: AbortSignal, signal: AbortSignal | undefined): Promise<unknown> {
    this.attempt = outer.attempt
    this.#outer = outer
    this.#outerTicket = ticket
    outer.#unsettled ??= new Unsettled()
    outer.#unsettled.add(ticket)
    return this.#begin(signal, outerSignal)
  }

  #begin(callerSignal: AbortSignal | undefined, contextSignal: AbortSignal | undefined): Promise<unknown> {
    if (callerSignal?.aborted) return this.#refuse(callerSignal.reason)
    if (contextSignal?.aborted) return this.#refuse(contextSignal.reason)
    this.#callerSignal = callerSignal
    this.#contextSignal = contextSignal
    // The call is its own listener: no closure.
    callerSignal?.addEventListener('abort', this)
    contextSignal?.addEventListener('abort', this)
    this.#enter(0)
    return this.#promise
  }

  #refuse(reason: unknown): Promise<unknown> {
    this.#setFailed(reason)
    this.#settle()
    return this.#promise
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#cancelledBy !== NOBODY) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get root(): Call {
    return this.#outer?.root ?? this
  }

  get cancelled(): boolean {
    return this.#cancelledBy < this.#depth
  }

  get abortedByCaller(): boolean {
    return this.#abortedByCaller
  }

  /** Identifies the callee that is being called; for `startInside`. */
  get ticket(): number {
    return this.#ticket
  }

  state(at: number): unknown {
    return this.#states[at - this.#base]
  }

  setState(at: number, value: unknown): void {
    this.#states[at - this.#base] = value
  }

  cancel(at: number, reason: unknown): void {
    this.#cancel(Math.max(CALLER, at - this.#base), reason)
  }

  whenSettled(at: number, fn: () => void): void {
    if (this.#unsettled === undefined) fn()
    else this.#unsettled.whenSettled(at - this.#base, this.#ticket, fn)
  }

  /** One of the signals that were given at the start has aborted. */
  handleEvent({ target }: Event): void {
    if (this.#cancelledBy === CALLER) return
    const outer = this.#outer
    this.#abortedByCaller = outer === undefined || target !== this.#contextSignal || outer.#abortedByCaller
    this.#cancel(CALLER, (target as AbortSignal).reason)
  }

  #enter(from: number): void {
    const slots = this.#slots
    for (let at = from; at < slots.length; at++) {
      this.#depth = at
      const enter = slots[at]?.enter
      if (enter !== undefined) {
        let answer: ReturnType<typeof enter>
        let pending: Promise<unknown> | undefined
        try {
          answer = enter(this, at + this.#base)
          if (answer !== undefined) pending = promiseOf(answer)
        } catch (thrown) {
          return this.#fail(thrown, at - 1)
        }
        if (answer === ANSWERED) return this.#leave(at)
        if (pending !== undefined) return this.#waitEntered(pending, at)
      }
      if (this.#cancelledBy < at) return this.#leave(at)
    }
    this.#call()
  }

  #waitEntered(pending: Promise<unknown>, at: number): void {
    const ticket = this.#wait('enter', this.#ticket + 1)
    pending.then(
      (answer) => {
        if (!this.#resume(ticket)) this.#slots[at]?.undo?.(pending)
        else if (answer === ANSWERED) this.#leave(at)
        else this.#enter(at + 1)
      },
      (thrown: unknown) => {
        if (this.#resume(ticket)) this.#fail(thrown, at - 1)
      },
    )
    if (this.cancelled) this.#stopWaiting()
  }

  #call(): void {
    const innermost = this.#slots.length - 1
    this.#depth = innermost + 1
    const ticket = ++this.#ticket
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      result = this.#callee(this.argument, this)
      pending = promiseOf(result)
    } catch (thrown) {
      return this.#fail(thrown, innermost)
    }
    if (pending === undefined) return this.#succeed(result, innermost)
    this.#wait('callee', ticket)
    pending.then(
      (value) => {
        if (this.#resume(ticket)) this.#succeed(value, innermost)
        else this.#unsettled?.settled(ticket)
      },
      (thrown: unknown) => {
        if (this.#resume(ticket)) this.#fail(thrown, innermost)
        else this.#unsettled?.settled(ticket)
      },
    )
    if (this.cancelled) this.#stopWaiting()
  }

  #succeed(value: unknown, leaveFrom: number): void {
    this.failed = false
    this.value = value
    this.#leave(leaveFrom)
  }

  #fail(error: unknown, leaveFrom: number): void {
    this.#setFailed(error)
    this.#leave(leaveFrom)
  }

  #setFailed(error: unknown): void {
    this.failed = true
    this.value = undefined
    this.error = error
  }

  #leave(from: number): void {
    const slots = this.#slots
    for (let at = from; at >= 0; at--) {
      this.#depth = at
      // Whatever became of the call further in: to the one that cancelled it, and to all inside that one, it was cancelled.
      if (this.#cancelledBy <= at) this.#setFailed(this.#reason)
      const leave = slots[at]?.leave
      if (leave !== undefined) {
        let answer: ReturnType<typeof leave>
        let pending: Promise<unknown> | undefined
        try {
          answer = leave(this, at + this.#base)
          if (answer !== undefined) pending = promiseOf(answer)
        } catch (thrown) {
          answer = undefined
          this.#setFailed(thrown)
        }
        if (pending !== undefined) return this.#waitLeft(pending, at)
        if (answer !== undefined && this.#mayRerun(answer)) return this.#rerun(answer, at)
      }
      if (this.#cancelledBy === at) this.#endCancellation()
    }
    if (this.#cancelledBy === CALLER) this.#setFailed(this.#reason)
    this.#settle()
  }

  #waitLeft(pending: Promise<unknown>, at: number): void {
    const ticket = this.#wait('leave', this.#ticket + 1)
    pending.then(
      (answer) => {
        if (!this.#resume(ticket)) return
        if (this.#mayRerun(answer)) return this.#rerun(answer, at)
        if (this.#cancelledBy === at) this.#endCancellation()
        this.#leave(at - 1)
      },
      (thrown: unknown) => {
        if (!this.#resume(ticket)) return
        if (this.#cancelledBy === at) this.#endCancellation()
        this.#fail(thrown, at - 1)
      },
    )
    if (this.cancelled) this.#stopWaiting()
  }

  #mayRerun(answer: unknown): answer is Rerun {
    if (!isRerun(answer) || this.cancelled) return false
    return this.deadlineAt === Number.POSITIVE_INFINITY || this.clock.now() + answer.afterMs < this.deadlineAt
  }

  #rerun({ afterMs }: Rerun, at: number): void {
    this.#endCancellation()
    this.#controller = undefined
    this.attempt++
    this.failed = false
    this.value = this.error = undefined
    this.#states.fill(undefined, at + 1)
    this.#unsettled?.rerun(at, this.#ticket)
    const ticket = this.#wait('delay', this.#ticket + 1)
    const again = (): void => {
      if (this.#resume(ticket)) this.runInAsyncScope(this.#enter, this, at + 1)
    }
    // Without a delay too the event loop gets its turn: a callee that always fails at once must starve neither timers nor aborts.
    if (afterMs > 0) this.#delay = this.clock.setTimer(afterMs, again)
    else setImmediate(again)
  }

  #wait(forWhat: Waiting, ticket: number): number {
    this.#waiting = forWhat
    this.#ticket = ticket
    return ticket
  }

  /** True when what the ticket stands for is still waited for; it no longer is afterwards. */
  #resume(ticket: number): boolean {
    if (this.#waiting === 'not' || ticket !== this.#ticket) return false
    this.#waiting = 'not'
    return true
  }

  /** While a stage or the callee runs synchronously this only takes note; it then takes effect where the call would wait next. */
  #cancel(at: number, reason: unknown): void {
    if (at >= this.#cancelledBy || at >= this.#depth) return
    this.#cancelledBy = at
    this.#reason = reason
    this.runInAsyncScope(this.#announceCancel, this)
  }

  #announceCancel(): void {
    const ticket = this.#ticket
    this.#controller?.abort(this.#reason)
    // A listener may have cancelled further out: that has ended this wait, and a rerun may already wait for something else.
    if (ticket === this.#ticket) this.#stopWaiting()
  }

  #stopWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = 'not'
    switch (waiting) {
      case 'callee':
        this.#unsettled ??= new Unsettled()
        this.#unsettled.add(this.#ticket)
        return this.#leave(this.#slots.length - 1)
      case 'delay':
        this.#delay?.cancel()
        return this.#leave(this.#depth)
      case 'enter':
      case 'leave':
        // A stage that is cancelled while it enters or leaves is not left (again).
        return this.#leave(this.#depth - 1)
    }
  }

  /** The stages further out see a signal that is not aborted. */
  #endCancellation(): void {
    if (this.#cancelledBy === NOBODY) return
    this.#cancelledBy = NOBODY
    this.#reason = undefined
    this.#controller = undefined
  }

  #settle(): void {
    // Nothing encloses what is over, so that nobody can cancel it.
    this.#depth = CALLER
    this.#deadline?.cancel()
    this.#callerSignal?.removeEventListener('abort', this)
    this.#contextSignal?.removeEventListener('abort', this)
    const outer = this.#outer
    if (outer !== undefined) this.whenSettled(this.#base, () => outer.#unsettled?.settled(this.#outerTicket))
    if (this.failed) this.#reject(this.error)
    else this.#resolve(this.value)
  }
}

function isRerun(answer: unknown): answer is Rerun {
  return typeof answer === 'object' && answer !== null && typeof (answer as Partial<Rerun>).afterMs === 'number'
}
