import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import type { Clock } from '@comm/core'

/** What a window of calls came to. Latencies in milliseconds; 0 where nothing was called. */
export interface TrafficFigures {
  readonly calls: number
  readonly ratePerSecond: number
  /** Calls that failed by the fault of the one that was called, or that were refused. */
  readonly errors: number
  /** Of 0 to 1. */
  readonly errorRatio: number
  /** Of the errors: refused by a policy of the caller (an open breaker, a full bulkhead, a rate limit), or by an access list. */
  readonly refused: number
  readonly latencyMs: {
    readonly mean: number
    readonly p50: number
    readonly p95: number
    readonly p99: number
    readonly max: number
  }
}

export type Outcome = 'success' | 'error' | 'refused'

interface Slot {
  readonly begunAt: number
  calls: number
  errors: number
  refused: number
  readonly latency: RecordableHistogram
}

const SLOTS = 6
/** Latencies are kept in microseconds, to two figures, up to an hour. */
const LATENCY = { lowest: 1, highest: 3_600_000_000, figures: 2 } as const

/** Counts the calls of a sliding window, which moves in sixths. */
export class TrafficMeter {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #madeAt: number
  readonly #slots: Slot[] = []

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock
    this.#windowMs = windowMs
    this.#madeAt = clock.now()
  }

  record(outcome: Outcome, durationMs: number): void {
    const slot = this.#slotAt(this.#clock.now())
    slot.calls++
    if (outcome !== 'success') slot.errors++
    if (outcome === 'refused') slot.refused++
    slot.latency.record(Math.min(LATENCY.highest, Math.max(LATENCY.lowest, Math.round(durationMs * 1000))))
  }

  figures(): TrafficFigures {
    const now = this.#clock.now()
    this.#drop(now)
    const all = createHistogram(LATENCY)
    const sum = { calls: 0, errors: 0, refused: 0 }
    for (const slot of this.#slots) {
      sum.calls += slot.calls
      sum.errors += slot.errors
      sum.refused += slot.refused
      all.add(slot.latency)
    }
    const seconds = Math.max(1, Math.min(this.#windowMs, now - this.#madeAt) / 1000)
    const ms = (microseconds: number): number => (sum.calls === 0 ? 0 : microseconds / 1000)
    return {
      ...sum,
      ratePerSecond: sum.calls / seconds,
      errorRatio: sum.calls === 0 ? 0 : sum.errors / sum.calls,
      latencyMs: {
        mean: ms(all.mean),
        p50: ms(all.percentile(50)),
        p95: ms(all.percentile(95)),
        p99: ms(all.percentile(99)),
        max: ms(all.max),
      },
    }
  }

  #slotAt(now: number): Slot {
    const lengthMs = this.#windowMs / SLOTS
    const last = this.#slots.at(-1)
    if (last !== undefined && now < last.begunAt + lengthMs) return last
    this.#drop(now)
    const slot = { begunAt: now, calls: 0, errors: 0, refused: 0, latency: createHistogram(LATENCY) }
    this.#slots.push(slot)
    return slot
  }

  #drop(now: number): void {
    while (this.#slots[0] !== undefined && this.#slots[0].begunAt <= now - this.#windowMs) this.#slots.shift()
  }
}
