import { type Clock, LONGEST_TIMEOUT_MS, setSharedTimer, TimeoutError, type Timer } from '@comm/core'
import type { Sent, TransportRequest } from './transport.ts'
import { displayUrl } from './url.ts'

export type Phase = 'connect' | 'write' | 'read'
const LIMIT_OF = { connect: 'connectMs', write: 'writeMs', read: 'readMs' } as const
const DOING = { connect: 'waiting for a connection', write: 'sending the request', read: 'waiting for the answer' } as const

type Timed = Pick<TransportRequest, 'method' | 'url' | 'timeouts' | 'deadlineAt' | 'collect'>

/**
 * Watches one exchange with at most one timer: progress only notes the time, and the timer looks at the note when it fires.
 * The network is not blamed while a slow reader holds the body up: `pause` stops everything but the deadline.
 */
export class PhaseTimer {
  readonly #clock: Clock
  readonly #request: Timed
  readonly #expired: (error: TimeoutError) => void
  readonly #startedAt: number
  #phase: Phase = 'connect'
  #since: number
  #paused = false
  #timer: Timer | undefined
  #firesAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, request: Timed, expired: (error: TimeoutError) => void) {
    this.#clock = clock
    this.#request = request
    this.#expired = expired
    this.#startedAt = clock.now()
    this.#since = this.#startedAt
    this.#arm(this.#startedAt)
  }

  /** `no` while the request has certainly not reached the server. */
  get sent(): Sent {
    return this.#phase === 'connect' ? 'no' : 'maybe'
  }

  enter(phase: Phase): void {
    if (this.#phase === phase) return
    this.#phase = phase
    this.progress()
  }

  progress(): void {
    this.#since = this.#clock.now()
    this.#paused = false
    if (this.#limitAt() < this.#firesAt) this.#arm(this.#since)
  }

  pause(): void {
    this.#paused = true
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #limitAt(): number {
    const phaseEndsAt = this.#paused ? Number.POSITIVE_INFINITY : this.#since + this.#request.timeouts[LIMIT_OF[this.#phase]]
    return Math.min(phaseEndsAt, this.#request.deadlineAt)
  }

  #arm(now: number): void {
    this.stop()
    this.#firesAt = this.#limitAt()
    if (this.#firesAt === Number.POSITIVE_INFINITY) return
    const { timeouts, deadlineAt, collect } = this.#request
    // A timer of all exchanges with this limit fires in the async context of one of them, and who reads a stream sees that.
    this.#timer =
      now === this.#since && deadlineAt === Number.POSITIVE_INFINITY && collect === 'bytes'
        ? setSharedTimer(this.#clock, now, timeouts[LIMIT_OF[this.#phase]], this.#check)
        : this.#clock.setTimer(Math.min(Math.max(0, this.#firesAt - now), LONGEST_TIMEOUT_MS), this.#check)
  }

  readonly #check = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    if (now < this.#limitAt()) return this.#arm(now)
    const { method, url, timeouts, deadlineAt } = this.#request
    const total = now >= deadlineAt
    const limitMs = Math.round(total ? deadlineAt - this.#startedAt : timeouts[LIMIT_OF[this.#phase]])
    const key = total ? 'totalMs' : LIMIT_OF[this.#phase]
    this.#expired(
      new TimeoutError(`${method} ${displayUrl(url)} timed out ${DOING[this.#phase]} after ${limitMs} ms (${key})`, {
        details: { method, url: displayUrl(url), limit: total ? 'total' : this.#phase, limitMs, sent: this.sent },
      }),
    )
  }
}
