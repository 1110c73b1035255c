import { type Clock, systemClock } from '../clock.ts'
import { ConfigurationError } from '../errors/errors.ts'
import { callable, checkOptions, describeValue, nonEmptyText, number, object } from '../options.ts'
import { type BreakerWindow, ConsecutiveWindow, CountWindow, TimeWindow } from './breaker-window.ts'
import { type Classify, classifyOutcome } from './verdict.ts'

/** `isolated` is open by hand, until `reset()`. */
export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated'

export interface BreakerStateChange {
  readonly breaker: string
  readonly from: BreakerState
  readonly to: BreakerState
}

export interface BreakerOptions {
  /** Names it in errors and events. @default 'breaker' */
  readonly name?: string
  /** Opens after this many failures in a row; instead of a window and a ratio. */
  readonly consecutiveFailures?: number
  /** The outcomes that are judged: the last `calls`, or those of the last `ms` milliseconds. @default { calls: 100 } */
  readonly window?: { readonly calls: number } | { readonly ms: number }
  /** Opens when at least this share of the window failed. @default 0.5 */
  readonly failureRatio?: number
  /** A call that took longer is slow, whatever its outcome. @default Infinity */
  readonly slowCallMs?: number
  /** Opens when at least this share of the window was slow. @default 1 */
  readonly slowCallRatio?: number
  /** Judges no window with fewer outcomes. @default 10 */
  readonly minimumCalls?: number
  /** How long it stays open before it lets probes through. @default 10000 */
  readonly openMs?: number
  /** Each time the probes fail, it stays open this many times longer. @default 1 */
  readonly openGrowth?: number
  /** Ceiling of the growing open time. @default 300000 */
  readonly maxOpenMs?: number
  /** Probes let through when half open; it closes when all of them succeed, opens when one fails. @default 1 */
  readonly halfOpenCalls?: number
  /** @default classifyOutcome */
  readonly classify?: Classify
  readonly onStateChange?: (change: BreakerStateChange) => void
  /** @default systemClock */
  readonly clock?: Clock
}

export const BREAKER_DEFAULTS: Readonly<
  Required<Omit<BreakerOptions, 'consecutiveFailures' | 'onStateChange' | 'classify' | 'clock'>>
> = Object.freeze({
  name: 'breaker',
  window: Object.freeze({ calls: 100 }),
  failureRatio: 0.5,
  slowCallMs: Number.POSITIVE_INFINITY,
  slowCallRatio: 1,
  minimumCalls: 10,
  openMs: 10_000,
  openGrowth: 1,
  maxOpenMs: 300_000,
  halfOpenCalls: 1,
})

export type ResolvedBreaker = typeof BREAKER_DEFAULTS &
  Pick<BreakerOptions, 'onStateChange' | 'consecutiveFailures'> & { readonly classify: Classify; readonly clock: Clock }

const RATIO = number({ min: 0, max: 1 })
const COUNT = number({ min: 1, integer: true })
const DURATION = number({ min: 0 })

export function resolveBreaker(options: BreakerOptions): ResolvedBreaker {
  checkOptions<BreakerOptions>('breaker', options, {
    name: nonEmptyText,
    consecutiveFailures: COUNT,
    window: object,
    failureRatio: RATIO,
    slowCallMs: number({ min: 0, infinite: true }),
    slowCallRatio: RATIO,
    minimumCalls: COUNT,
    openMs: DURATION,
    openGrowth: number({ min: 1 }),
    maxOpenMs: DURATION,
    halfOpenCalls: COUNT,
    classify: callable,
    onStateChange: callable,
    clock: object,
  })
  const resolved = { ...BREAKER_DEFAULTS, classify: classifyOutcome, clock: systemClock, ...options }
  const { window } = resolved
  const size = 'calls' in window ? window.calls : window.ms
  if (Object.keys(window).length !== 1 || !(Number.isInteger(size) && size >= 1)) {
    const [key, expected, received] = [
      'breaker.window',
      '{ calls: an integer >= 1 } or { ms: an integer >= 1 }',
      describeValue(window),
    ]
    throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, expected, received }] })
  }
  return resolved
}

export function windowOf({ consecutiveFailures, window }: ResolvedBreaker): BreakerWindow {
  if (consecutiveFailures !== undefined) return new ConsecutiveWindow()
  return 'calls' in window ? new CountWindow(window.calls) : new TimeWindow(window.ms)
}
