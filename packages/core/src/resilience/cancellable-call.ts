import { CallCancellation } from './call-cancellation.ts'
import { CallState } from './call-state.ts'
import type { Cancellation } from './stage.ts'

/** The place of whoever is outside every stage: the caller, with its signals and its deadline. */
export const CALLER = -1
/** Further in than every place. */
const NOBODY = 0x3fffffff

type Waiting = 'not' | 'enter' | 'callee' | 'leave' | 'delay'

/**
 * A call that the caller, its deadline and its stages can cancel. It waits for at most one thing at a time, and whatever it waits for is raced
 * with `cancel`: every wait has a ticket, and a settlement whose ticket is no longer current changes nothing.
 */
export abstract class CancellableCall extends CallState {
  /** Stages at places below this one are entered and enclose what is going on; only they and the caller may cancel it. */
  protected depth = 0
  protected waiting: Waiting = 'not'
  /** The outermost that cancelled and has not been left since. */
  protected cancelledBy: number = NOBODY
  protected reason: unknown = undefined
  #abortedByCaller = false
  #controller: AbortController | undefined = undefined
  #cancellation: CallCancellation | undefined = undefined
  #callerSignal: Cancellation | undefined = undefined
  #contextSignal: AbortSignal | undefined = undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.cancelledBy !== NOBODY) this.#controller.abort(this.reason)
    }
    return this.#controller.signal
  }

  get cancellation(): Cancellation {
    this.#cancellation ??= new CallCancellation(this.cancelledBy !== NOBODY, this.reason)
    return this.#cancellation
  }

  get cancelled(): boolean {
    return this.cancelledBy < this.depth
  }

  get abortedByCaller(): boolean {
    return this.#abortedByCaller
  }

  cancel(at: number, reason: unknown): void {
    this.cancelAt(Math.max(CALLER, at - this.base), reason)
  }

  /** One of the signals that were given at the start has aborted. */
  handleEvent({ target }: { readonly target: unknown }): void {
    if (this.cancelledBy === CALLER) return
    const { outer } = this
    this.#abortedByCaller = outer === undefined || target !== this.#contextSignal || outer.abortedByCaller
    this.cancelAt(CALLER, (target as Cancellation).reason)
  }

  /** The run of the stages outside an `around` stage, for the run of those inside it. */
  protected abstract get outer(): CancellableCall | undefined
  /** Goes on without what was waited for. */
  protected abstract stopWaiting(): void

  /** From here on the caller's signal, and that of its context, cancel. The call is its own listener: no closure. */
  protected listen(callerSignal: Cancellation | undefined, contextSignal: AbortSignal | undefined): void {
    this.#callerSignal = callerSignal
    this.#contextSignal = contextSignal
    callerSignal?.addEventListener('abort', this)
    contextSignal?.addEventListener('abort', this)
  }

  protected stopListening(): void {
    this.#callerSignal?.removeEventListener('abort', this)
    this.#contextSignal?.removeEventListener('abort', this)
  }

  protected wait(forWhat: Waiting, ticket: number): number {
    this.waiting = forWhat
    this.currentTicket = ticket
    return ticket
  }

  /** True when what the ticket stands for is still waited for; it no longer is afterwards. */
  protected resume(ticket: number): boolean {
    if (this.waiting === 'not' || ticket !== this.currentTicket) return false
    this.waiting = 'not'
    return true
  }

  /** While a stage or the callee runs synchronously this only takes note; it then takes effect where the call would wait next. */
  protected cancelAt(at: number, reason: unknown): void {
    if (at >= this.cancelledBy || at >= this.depth) return
    this.cancelledBy = at
    this.reason = reason
    this.runInAsyncScope(this.#announce, this)
  }

  #announce(): void {
    const ticket = this.currentTicket
    const cancellation = this.#cancellation
    this.#controller?.abort(this.reason)
    // A listener of the signal may have ended this attempt: then this is no longer the attempt's own.
    if (cancellation?.aborted === false) cancellation.abort(this.reason)
    // A listener may have cancelled further out: that has ended this wait, and a rerun may already wait for something else.
    if (ticket === this.currentTicket) this.stopWaiting()
  }

  /** The stages further out see a signal that is not aborted. */
  protected endCancellation(): void {
    if (this.cancelledBy === NOBODY) return
    this.cancelledBy = NOBODY
    this.reason = undefined
    this.forgetSignals()
  }

  protected forgetSignals(): void {
    this.#controller = undefined
    this.#cancellation = undefined
  }
}
