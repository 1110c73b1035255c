import type { Clock, Timer } from '../clock.ts'
import { TimeoutError } from '../errors/errors.ts'
import { Abandoned } from './abandoned.ts'
import { ANSWERED, type Call, type Callee, type Rerun } from './stage.ts'

/** A stage as the run sees it; all slots have one shape, so that the loops below stay monomorphic. */
export interface Slot {
  readonly enter: ((call: Call, at: number) => void | typeof ANSWERED | Promise<void | typeof ANSWERED>) | undefined
  readonly leave: ((call: Call, at: number) => void | Rerun | Promise<void | Rerun>) | undefined
  readonly undo: (() => void) | undefined
}

const NOBODY = 0x3fffffff
/** The place of the caller: outside every stage. */
export const CALLER: number = -1

type Waiting = 'not' | 'enter' | 'callee' | 'leave' | 'delay'

let capturedResolve: (value: unknown) => void
let capturedReject: (reason: unknown) => void
/** One executor for all promises: it saves a closure per call. */
function capture(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  capturedResolve = resolve
  capturedReject = reject
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/**
 * One call on its way through the stages: a state machine that walks the slots inwards (`#enter`), calls the callee, and
 * walks outwards (`#leave`). It waits for at most one thing at a time, and whatever it waits for is raced with `cancel`:
 * every wait gets a ticket, and a settlement whose ticket is no longer current changes nothing.
 */
export class RunningCall implements Call {
  readonly argument: unknown
  readonly clock: Clock
  readonly promise: Promise<unknown>
  attempt = 1
  deadlineAt: number
  target: unknown = undefined
  failed = false
  value: unknown = undefined
  error: unknown = undefined

  readonly #slots: readonly Slot[]
  readonly #callee: Callee<unknown, unknown>
  readonly #states: unknown[]
  readonly #base: number
  readonly #resolve: (value: unknown) => void
  readonly #reject: (reason: unknown) => void
  /** Stages at places below this one are entered and enclose what is going on; only they and the caller may cancel it. */
  #depth = 0
  #waiting: Waiting = 'not'
  #ticket = 0
  #cancelledBy = NOBODY
  #reason: unknown = undefined
  #controller: AbortController | undefined = undefined
  #delay: Timer | undefined = undefined
  #abandoned: Abandoned | undefined = undefined
  #callerSignal: AbortSignal | undefined = undefined
  #deadline: Timer | undefined = undefined
  #finished = false

  /** @param base place of the first slot in the whole pipeline, which an `around` stage splits into several runs */
  constructor(
    slots: readonly Slot[],
    base: number,
    callee: Callee<unknown, unknown>,
    argument: unknown,
    clock: Clock,
    deadlineAt: number,
  ) {
    this.#slots = slots
    this.#base = base
    this.#callee = callee
    this.#states = new Array<unknown>(slots.length)
    this.argument = argument
    this.clock = clock
    this.deadlineAt = deadlineAt
    this.promise = new Promise(capture)
    this.#resolve = capturedResolve
    this.#reject = capturedReject
  }

  start(signal: AbortSignal | undefined): Promise<unknown> {
    if (signal !== undefined) {
      if (signal.aborted) {
        this.#reject(signal.reason)
        return this.promise
      }
      this.#callerSignal = signal
      signal.addEventListener('abort', this)
    }
    if (this.deadlineAt !== Number.POSITIVE_INFINITY) {
      const remaining = this.deadlineAt - this.clock.now()
      if (remaining <= 0) {
        this.#settle(true, undefined, deadlineError())
        return this.promise
      }
      this.#deadline = this.clock.setTimer(remaining, () => this.#cancel(CALLER, deadlineError()))
    }
    this.#enter(0)
    return this.promise
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#cancelledBy !== NOBODY) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get abortedByCaller(): boolean {
    return this.#cancelledBy === CALLER && this.#callerSignal?.aborted === true
  }

  state(at: number): unknown {
    return this.#states[at - this.#base]
  }

  setState(at: number, value: unknown): void {
    this.#states[at - this.#base] = value
  }

  cancel(at: number, reason: unknown): void {
    this.#cancel(at - this.#base, reason)
  }

  whenSettled(at: number, fn: () => void): void {
    if (this.#abandoned === undefined) fn()
    else this.#abandoned.whenSettled(at - this.#base, fn)
  }

  /** The call is its own listener on the caller's signal: no closure for calls that have none. */
  handleEvent(): void {
    this.#cancel(CALLER, this.#callerSignal?.reason)
  }

  #enter(from: number): void {
    const slots = this.#slots
    for (let at = from; at < slots.length; at++) {
      this.#depth = at
      const enter = slots[at]?.enter
      if (enter !== undefined) {
        let answer: ReturnType<typeof enter>
        try {
          answer = enter(this, at + this.#base)
        } catch (thrown) {
          return this.#fail(thrown, at - 1)
        }
        if (answer === ANSWERED) return this.#leave(at)
        if (answer !== undefined) return this.#waitEntered(answer, at)
      }
      if (this.#cancelledBy < at) return this.#fail(this.#reason, at)
    }
    this.#call()
  }

  #waitEntered(answer: Promise<void | typeof ANSWERED>, at: number): void {
    const ticket = this.#wait('enter')
    answer.then(
      (entered) => {
        if (!this.#resume(ticket)) return this.#slots[at]?.undo?.()
        if (entered === ANSWERED) this.#leave(at)
        else this.#enter(at + 1)
      },
      (thrown: unknown) => {
        if (this.#resume(ticket)) this.#fail(thrown, at - 1)
      },
    )
    this.#heedEarlierCancel()
  }

  #call(): void {
    const innermost = this.#slots.length - 1
    this.#depth = innermost + 1
    let result: unknown
    try {
      result = this.#callee(this.argument, this)
    } catch (thrown) {
      return this.#fail(thrown, innermost)
    }
    if (!isThenable(result)) {
      this.failed = false
      this.value = result
      return this.#leave(innermost)
    }
    const ticket = this.#wait('callee')
    result.then(
      (value) => {
        if (!this.#resume(ticket)) return this.#abandoned?.settled(ticket)
        this.failed = false
        this.value = value
        this.#leave(innermost)
      },
      (thrown: unknown) => {
        if (!this.#resume(ticket)) return this.#abandoned?.settled(ticket)
        this.#fail(thrown, innermost)
      },
    )
    this.#heedEarlierCancel()
  }

  #fail(error: unknown, leaveFrom: number): void {
    this.failed = true
    this.value = undefined
    this.error = error
    this.#leave(leaveFrom)
  }

  #leave(from: number): void {
    const slots = this.#slots
    for (let at = from; at >= 0; at--) {
      this.#depth = at
      if (this.#cancelledBy === at) this.#imposeReason()
      const leave = slots[at]?.leave
      if (leave !== undefined) {
        let answer: ReturnType<typeof leave>
        try {
          answer = leave(this, at + this.#base)
        } catch (thrown) {
          this.failed = true
          this.value = undefined
          this.error = thrown
        }
        if (answer !== undefined) {
          if (isThenable(answer)) return this.#waitLeft(answer as Promise<void | Rerun>, at)
          if (this.#mayRerun(answer)) return this.#rerun(answer, at)
        }
      }
      if (this.#cancelledBy === at) this.#endCancellation()
    }
    if (this.#cancelledBy === CALLER) this.#imposeReason()
    this.#settle(this.failed, this.value, this.error)
  }

  #waitLeft(answer: Promise<void | Rerun>, at: number): void {
    const ticket = this.#wait('leave')
    answer.then(
      (rerun) => {
        if (!this.#resume(ticket)) return
        if (rerun !== undefined && this.#mayRerun(rerun)) return this.#rerun(rerun, at)
        if (this.#cancelledBy === at) this.#endCancellation()
        this.#leave(at - 1)
      },
      (thrown: unknown) => {
        if (!this.#resume(ticket)) return
        if (this.#cancelledBy === at) this.#endCancellation()
        this.#fail(thrown, at - 1)
      },
    )
    this.#heedEarlierCancel()
  }

  #mayRerun({ afterMs }: Rerun): boolean {
    if (this.#cancelledBy < this.#depth) return false
    return this.deadlineAt === Number.POSITIVE_INFINITY || this.clock.now() + afterMs < this.deadlineAt
  }

  #rerun({ afterMs }: Rerun, at: number): void {
    if (this.#cancelledBy !== NOBODY) this.#endCancellation()
    this.#controller = undefined
    this.attempt++
    this.#abandoned?.rerun(at, this.#ticket)
    const ticket = this.#wait('delay')
    const again = (): void => {
      if (this.#resume(ticket)) this.#enter(at + 1)
    }
    // Even without a delay the next pass starts on a stack of its own: a callee that always fails at once must not overflow it.
    if (afterMs > 0) this.#delay = this.clock.setTimer(afterMs, again)
    else queueMicrotask(again)
  }

  #wait(forWhat: Waiting): number {
    this.#waiting = forWhat
    return ++this.#ticket
  }

  /** True when what the ticket stands for is still waited for; it no longer is afterwards. */
  #resume(ticket: number): boolean {
    if (this.#waiting === 'not' || ticket !== this.#ticket) return false
    this.#waiting = 'not'
    return true
  }

  #cancel(at: number, reason: unknown): void {
    if (this.#finished || at >= this.#cancelledBy || at >= this.#depth) return
    this.#cancelledBy = at
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#stopWaiting()
  }

  /** A cancellation that came while a stage or the callee ran synchronously takes effect at the next wait. */
  #heedEarlierCancel(): void {
    if (this.#cancelledBy < this.#depth) this.#stopWaiting()
  }

  #stopWaiting(): void {
    const waiting = this.#waiting
    if (waiting === 'not') return
    this.#waiting = 'not'
    this.#delay?.cancel()
    if (waiting === 'callee') this.#abandon(this.#ticket)
    // A pass that ends during its delay is left by the stage that asked for it; a stage abandoned while entering or leaving is not.
    this.#fail(this.#reason, waiting === 'callee' || waiting === 'delay' ? this.#innermost(waiting) : this.#depth - 1)
  }

  #innermost(waiting: 'callee' | 'delay'): number {
    return waiting === 'callee' ? this.#slots.length - 1 : this.#depth
  }

  #abandon(ticket: number): void {
    this.#abandoned ??= new Abandoned()
    this.#abandoned.add(ticket)
  }

  #imposeReason(): void {
    this.failed = true
    this.value = undefined
    this.error = this.#reason
  }

  #endCancellation(): void {
    this.#cancelledBy = NOBODY
    this.#reason = undefined
  }

  #settle(failed: boolean, value: unknown, error: unknown): void {
    this.#finished = true
    this.#deadline?.cancel()
    this.#callerSignal?.removeEventListener('abort', this)
    if (failed) this.#reject(error)
    else this.#resolve(value)
  }
}

function deadlineError(): TimeoutError {
  return new TimeoutError('the deadline of the request that caused this call has passed', { code: 'COMM_DEADLINE_EXCEEDED' })
}
