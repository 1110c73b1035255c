import type { Clock, Timer } from '../clock.ts'
import { CommunicationError } from '../errors/errors.ts'
import { setSharedTimer } from './shared-timers.ts'
import type { RunInside } from './stage.ts'

/** What the attempts of one call ask and tell. */
export interface HedgePlan {
  readonly clock: Clock
  /** How long to wait for an answer before each further attempt; Infinity for none. */
  readonly delayMs: number
  readonly maxHedges: number
  /** The call is over for whoever waits for it: no further attempt. */
  readonly signal: AbortSignal
  readonly isGood: ((value: unknown) => boolean) | undefined
  /** Asked right before a further attempt; 1 for the first one. */
  mayHedge(hedge: number): boolean
  /** A good answer has come: from the first attempt (0) or from a hedge. */
  won(attempt: number): void
}

/**
 * The attempts of one call. The first good answer wins and the others are aborted. When every attempt under way has failed, the outcome
 * is that of the first one, and no further one is made: that would be a retry.
 */
export class HedgedCall {
  readonly #plan: HedgePlan
  readonly #runInside: RunInside
  readonly #settle = Promise.withResolvers<unknown>()
  readonly #running = new Map<number, AbortController>()
  #started = 0
  #timer: Timer | undefined
  /** Settles as the first attempt did. */
  #asFirst: (() => void) | undefined

  constructor(plan: HedgePlan, runInside: RunInside) {
    this.#plan = plan
    this.#runInside = runInside
  }

  start(): Promise<unknown> {
    this.#attempt()
    return this.#settle.promise
  }

  #attempt(): void {
    const attempt = this.#started++
    const controller = new AbortController()
    this.#running.set(attempt, controller)
    this.#runInside({ signal: controller.signal }).then(
      (value) => this.#answered(attempt, value),
      (error: unknown) => this.#failed(attempt, () => this.#settle.reject(error)),
    )
    const { clock, delayMs, maxHedges } = this.#plan
    if (attempt < maxHedges && delayMs !== Number.POSITIVE_INFINITY)
      this.#timer = setSharedTimer(clock, clock.now(), delayMs, () => this.#hedge(attempt + 1))
  }

  #hedge(hedge: number): void {
    this.#timer = undefined
    if (!this.#plan.signal.aborted && this.#plan.mayHedge(hedge)) this.#attempt()
  }

  #answered(attempt: number, value: unknown): void {
    if (!this.#running.has(attempt)) return
    const settle = (): void => this.#settle.resolve(value)
    try {
      if (this.#plan.isGood?.(value) === false) return this.#failed(attempt, settle)
    } catch (thrown) {
      return this.#failed(attempt, () => this.#settle.reject(thrown))
    }
    this.#running.delete(attempt)
    this.#end()
    this.#plan.won(attempt)
    settle()
  }

  #failed(attempt: number, settle: () => void): void {
    if (!this.#running.delete(attempt)) return
    if (attempt === 0) this.#asFirst = settle
    if (this.#running.size > 0) return
    this.#end()
    this.#asFirst?.()
  }

  /** Aborts those that still run. What becomes of them is nobody's business any more. */
  #end(): void {
    this.#timer?.cancel()
    const losers = [...this.#running.values()]
    this.#running.clear()
    if (losers.length === 0) return
    const reason = new CommunicationError('another attempt of this call answered first', { code: 'COMM_ABORTED' })
    for (const loser of losers) loser.abort(reason)
  }
}
