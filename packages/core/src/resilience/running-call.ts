import type { Clock, Timer } from '../clock.ts'
import { CALLER, CancellableCall } from './cancellable-call.ts'
import { promiseOf } from './promise-of.ts'
import { ANSWERED, type Call, type Callee, type Cancellation, type Rerun, type Stage } from './stage.ts'
import { deadlineError } from './timeout-errors.ts'

/** A stage as the run sees it; all slots have one shape, so that the loops below stay monomorphic. */
export interface Slot {
  readonly enter: Stage['enter']
  readonly leave: Stage['leave']
  readonly undo: Stage['undo']
}

/**
 * One call on its way through the stages: a state machine that walks the slots inwards (`#enter`), calls the callee, and
 * walks outwards (`#leave`).
 */
export class RunningCall extends CancellableCall implements Call {
  readonly #slots: readonly Slot[]
  readonly #callee: Callee<unknown, unknown>
  #delay: Timer | undefined = undefined
  #deadline: Timer | undefined = undefined
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
    super(slots.length, base, argument, clock, deadlineAt)
    this.#slots = slots
    this.#callee = callee
  }

  /** Begins the call: the caller's signal, that of its context and the deadline end it. */
  start(callerSignal: Cancellation | undefined, contextSignal: AbortSignal | undefined): Promise<unknown> {
    if (this.deadlineAt !== Number.POSITIVE_INFINITY) {
      const remainingMs = this.deadlineAt - this.clock.now()
      if (!(remainingMs > 0)) return this.#refuse(deadlineError())
      this.#deadline = this.clock.setTimer(remainingMs, () => this.cancelAt(CALLER, deadlineError()))
    }
    return this.#begin(callerSignal, contextSignal)
  }

  /** Begins a run of the stages inside an `around` stage. The run outside ends it, in time for the deadline too. */
  startInside(outer: RunningCall, ticket: number, outerSignal: AbortSignal, signal: AbortSignal | undefined): Promise<unknown> {
    this.attempt = outer.attempt
    this.#outer = outer
    this.#outerTicket = ticket
    outer.leftBehind(ticket)
    return this.#begin(signal, outerSignal)
  }

  #begin(callerSignal: Cancellation | undefined, contextSignal: AbortSignal | undefined): Promise<unknown> {
    if (callerSignal?.aborted) return this.#refuse(callerSignal.reason)
    if (contextSignal?.aborted) return this.#refuse(contextSignal.reason)
    this.listen(callerSignal, contextSignal)
    this.#enter(0)
    return this.promise
  }

  #refuse(reason: unknown): Promise<unknown> {
    this.setFailed(reason)
    this.#settle()
    return this.promise
  }

  get root(): Call {
    return this.#outer?.root ?? this
  }

  protected override get outer(): RunningCall | undefined {
    return this.#outer
  }

  #enter(from: number): void {
    const slots = this.#slots
    for (let at = from; at < slots.length; at++) {
      this.depth = at
      const enter = slots[at]?.enter
      if (enter !== undefined) {
        let answer: ReturnType<typeof enter>
        let pending: Promise<unknown> | undefined
        try {
          answer = enter(this, at + this.base)
          if (answer !== undefined) pending = promiseOf(answer)
        } catch (thrown) {
          return this.#fail(thrown, at - 1)
        }
        if (answer === ANSWERED) return this.#leave(at)
        if (pending !== undefined) return this.#waitEntered(pending, at)
      }
      if (this.cancelledBy < at) return this.#leave(at)
    }
    this.#call()
  }

  #waitEntered(pending: Promise<unknown>, at: number): void {
    const ticket = this.wait('enter', this.currentTicket + 1)
    pending.then(
      (answer) => {
        if (!this.resume(ticket)) this.#slots[at]?.undo?.(pending)
        else if (answer === ANSWERED) this.#leave(at)
        else this.#enter(at + 1)
      },
      (thrown: unknown) => {
        if (this.resume(ticket)) this.#fail(thrown, at - 1)
      },
    )
    if (this.cancelled) this.stopWaiting()
  }

  #call(): void {
    const innermost = this.#slots.length - 1
    this.depth = innermost + 1
    const ticket = ++this.currentTicket
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      result = this.#callee(this.argument, this)
      pending = promiseOf(result)
    } catch (thrown) {
      return this.#fail(thrown, innermost)
    }
    if (pending === undefined) return this.#succeed(result, innermost)
    this.wait('callee', ticket)
    pending.then(
      (value) => {
        if (this.resume(ticket)) this.#succeed(value, innermost)
        else this.hasSettled(ticket)
      },
      (thrown: unknown) => {
        if (this.resume(ticket)) this.#fail(thrown, innermost)
        else this.hasSettled(ticket)
      },
    )
    if (this.cancelled) this.stopWaiting()
  }

  #succeed(value: unknown, leaveFrom: number): void {
    this.failed = false
    this.value = value
    this.#leave(leaveFrom)
  }

  #fail(error: unknown, leaveFrom: number): void {
    this.setFailed(error)
    this.#leave(leaveFrom)
  }

  #leave(from: number): void {
    const slots = this.#slots
    for (let at = from; at >= 0; at--) {
      this.depth = at
      // Whatever became of the call further in: to the one that cancelled it, and to all inside that one, it was cancelled.
      if (this.cancelledBy <= at) this.setFailed(this.reason)
      const leave = slots[at]?.leave
      if (leave !== undefined) {
        let answer: ReturnType<typeof leave>
        let pending: Promise<unknown> | undefined
        try {
          answer = leave(this, at + this.base)
          if (answer !== undefined) pending = promiseOf(answer)
        } catch (thrown) {
          answer = undefined
          this.setFailed(thrown)
        }
        if (pending !== undefined) return this.#waitLeft(pending, at)
        if (answer !== undefined && this.#mayRerun(answer)) return this.#rerun(answer, at)
      }
      if (this.cancelledBy === at) this.endCancellation()
    }
    if (this.cancelledBy === CALLER) this.setFailed(this.reason)
    this.#settle()
  }

  #waitLeft(pending: Promise<unknown>, at: number): void {
    const ticket = this.wait('leave', this.currentTicket + 1)
    pending.then(
      (answer) => {
        if (!this.resume(ticket)) return
        if (this.#mayRerun(answer)) return this.#rerun(answer, at)
        if (this.cancelledBy === at) this.endCancellation()
        this.#leave(at - 1)
      },
      (thrown: unknown) => {
        if (!this.resume(ticket)) return
        if (this.cancelledBy === at) this.endCancellation()
        this.#fail(thrown, at - 1)
      },
    )
    if (this.cancelled) this.stopWaiting()
  }

  #mayRerun(answer: unknown): answer is Rerun {
    if (!isRerun(answer) || this.cancelled) return false
    return this.deadlineAt === Number.POSITIVE_INFINITY || this.clock.now() + answer.afterMs < this.deadlineAt
  }

  #rerun({ afterMs }: Rerun, at: number): void {
    this.endCancellation()
    this.forgetSignals()
    this.forgetInside(at)
    const ticket = this.wait('delay', this.currentTicket + 1)
    const again = (): void => {
      if (this.resume(ticket)) this.runInAsyncScope(this.#enter, this, at + 1)
    }
    // Without a delay too the event loop gets its turn: a callee that always fails at once must starve neither timers nor aborts.
    if (afterMs > 0) this.#delay = this.clock.setTimer(afterMs, again)
    else setImmediate(again)
  }

  protected override stopWaiting(): void {
    const waiting = this.waiting
    this.waiting = 'not'
    switch (waiting) {
      case 'callee':
        this.leftBehind(this.currentTicket)
        return this.#leave(this.#slots.length - 1)
      case 'delay':
        this.#delay?.cancel()
        return this.#leave(this.depth)
      case 'enter':
      case 'leave':
        // A stage that is cancelled while it enters or leaves is not left (again).
        return this.#leave(this.depth - 1)
    }
  }

  #settle(): void {
    // Nothing encloses what is over, so that nobody can cancel it.
    this.depth = CALLER
    this.#deadline?.cancel()
    this.stopListening()
    const outer = this.#outer
    if (outer !== undefined) this.whenSettled(this.base, () => outer.hasSettled(this.#outerTicket))
    this.conclude()
  }
}

function isRerun(answer: unknown): answer is Rerun {
  return typeof answer === 'object' && answer !== null && typeof (answer as Partial<Rerun>).afterMs === 'number'
}
