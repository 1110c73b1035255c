import { checkOptions, number, withDefaults } from '../options.ts'
import type { Candidate } from './candidate.ts'

export interface OutlierDetectionOptions {
  /** So many failures in a row put an instance aside. @default 5 */
  readonly consecutiveFailures?: number
  /** So large a share of the calls of an interval does, too; 0 to 1. @default 0.5 */
  readonly failureRatio?: number
  /** … when there were at least so many. @default 20 */
  readonly minimumCalls?: number
  /** @default 10000 */
  readonly intervalMs?: number
  /** How long it stays aside the first time; so much longer each time. @default 30000 */
  readonly ejectionMs?: number
  /** … at most; after as long without trouble it counts from the beginning. @default 300000 */
  readonly maxEjectionMs?: number
  /** Share of the instances that may be aside at once, one always; 0 to 1. @default 0.5 */
  readonly maxEjectedRatio?: number
}

export const OUTLIER_DETECTION_DEFAULTS: Readonly<Required<OutlierDetectionOptions>> = Object.freeze({
  consecutiveFailures: 5,
  failureRatio: 0.5,
  minimumCalls: 20,
  intervalMs: 10_000,
  ejectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedRatio: 0.5,
})

export function resolveOutlierDetection(options: OutlierDetectionOptions): Required<OutlierDetectionOptions> {
  const ratio = number({ above: 0, max: 1 })
  const count = number({ min: 1, integer: true, infinite: true })
  const duration = number({ above: 0 })
  checkOptions<OutlierDetectionOptions>('loadBalancer.outlierDetection', options, {
    consecutiveFailures: count,
    failureRatio: ratio,
    minimumCalls: count,
    intervalMs: duration,
    ejectionMs: duration,
    maxEjectionMs: duration,
    maxEjectedRatio: ratio,
  })
  return Object.freeze(withDefaults(OUTLIER_DETECTION_DEFAULTS, options))
}

/** Judges instances by the calls that are made anyway, and puts those aside that fail (Envoy, "outlier detection"). No timers: time is told. */
export class OutlierDetector {
  readonly #options: Required<OutlierDetectionOptions>
  #intervalEndsAt = Number.NEGATIVE_INFINITY

  constructor(options: Required<OutlierDetectionOptions>) {
    this.#options = options
  }

  /** @returns whether this outcome puts it aside */
  record(candidate: Candidate, failed: boolean, now: number, all: readonly Candidate[]): boolean {
    if (now >= this.#intervalEndsAt) this.#beginInterval(all, now)
    candidate.calls++
    if (!failed) {
      candidate.failuresInARow = 0
      return false
    }
    candidate.failures++
    candidate.failuresInARow++
    if (candidate.isEjected || !this.#isOutlier(candidate) || !this.#mayEject(all)) return false
    this.#eject(candidate, now)
    return true
  }

  /** @returns whether it comes back now */
  readmit(candidate: Candidate, now: number): boolean {
    if (!candidate.isEjected || now < candidate.ejectedUntil) return false
    candidate.returnedAt = now
    candidate.ejectedUntil = 0
    candidate.calls = candidate.failures = candidate.failuresInARow = 0
    return true
  }

  #beginInterval(all: readonly Candidate[], now: number): void {
    this.#intervalEndsAt = now + this.#options.intervalMs
    for (const candidate of all) candidate.calls = candidate.failures = 0
  }

  #isOutlier({ calls, failures, failuresInARow }: Candidate): boolean {
    const { consecutiveFailures, minimumCalls, failureRatio } = this.#options
    return failuresInARow >= consecutiveFailures || (calls >= minimumCalls && failures / calls >= failureRatio)
  }

  #mayEject(all: readonly Candidate[]): boolean {
    const ejected = all.reduce((count, { isEjected }) => (isEjected ? count + 1 : count), 0)
    return ejected < Math.max(1, Math.floor(all.length * this.#options.maxEjectedRatio))
  }

  #eject(candidate: Candidate, now: number): void {
    const { ejectionMs, maxEjectionMs } = this.#options
    if (now - candidate.returnedAt > maxEjectionMs) candidate.ejections = 0
    candidate.ejections++
    candidate.ejectedUntil = now + Math.min(maxEjectionMs, ejectionMs * candidate.ejections)
  }
}
