import type { Clock } from '../clock.ts'
import { ConfigurationError } from '../errors/errors.ts'
import {
  callable,
  checkArgument,
  checkOptions,
  describeValue,
  nonEmptyText,
  number,
  type Rule,
  withDefaults,
} from '../options.ts'
import { aClock, aCount, aDurationMs, aRatio, notBelow } from './rules.ts'
import { type Classify, classifyOutcome } from './verdict.ts'

/** `isolated` is open by hand, until `reset()`. */
export type BreakerState = 'closed' | 'open' | 'half-open' | 'isolated'

export interface BreakerStateChange {
  readonly breaker: string
  readonly from: BreakerState
  readonly to: BreakerState
}

/** The outcomes that are judged: the last `calls`, or those of the last `ms` milliseconds. */
export type BreakerWindowSize = { readonly calls: number } | { readonly ms: number }

export interface BreakerOptions {
  /** Names it in errors and events. @default 'breaker' */
  readonly name?: string
  /** Opens after this many failures, or slow calls, in a row; instead of `window`, the ratios and `minimumCalls`. */
  readonly consecutiveFailures?: number
  /** @default { calls: 100 } */
  readonly window?: BreakerWindowSize
  /** Opens when at least this share of the window failed. @default 0.5 */
  readonly failureRatio?: number
  /** A call that took longer is slow, whatever its outcome. @default Infinity */
  readonly slowCallMs?: number
  /** Opens when at least this share of the window was slow. @default 1 */
  readonly slowCallRatio?: number
  /** Judges no window with fewer outcomes. @default 10, or the size of a smaller window */
  readonly minimumCalls?: number
  /** How long it stays open before it lets probes through. @default 10000 */
  readonly openMs?: number
  /** Each time the probes fail, it stays open this many times longer. @default 1 */
  readonly openGrowth?: number
  /** Ceiling of the growing open time. @default 300000, or openMs where that is more */
  readonly maxOpenMs?: number
  /** Probes let through when half open; it closes when all of them succeed, opens when one fails. @default 1 */
  readonly halfOpenCalls?: number
  /** @default classifyOutcome */
  readonly classify?: Classify
  /** Is told after each change. */
  readonly onStateChange?: (change: BreakerStateChange) => void
  /** @default the clock of the pipeline */
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
  Pick<BreakerOptions, 'onStateChange' | 'consecutiveFailures' | 'clock'> & { readonly classify: Classify }

const MOST_CALLS = 1_000_000

const WINDOW: Rule = {
  expected: `{ calls: an integer from 1 to ${MOST_CALLS} } or { ms: an integer >= 1 }`,
  accepts: (value) => {
    if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return false
    const { calls, ms } = value as { readonly calls?: unknown; readonly ms?: unknown }
    return aCount.accepts(calls ?? ms) && !(Number(calls) > MOST_CALLS)
  },
}

/** Options that mean nothing beside `consecutiveFailures`. */
const OF_A_WINDOW = ['window', 'failureRatio', 'slowCallRatio', 'minimumCalls'] as const

export function resolveBreaker(options: BreakerOptions): ResolvedBreaker {
  checkOptions<BreakerOptions>('breaker', options, {
    name: nonEmptyText,
    consecutiveFailures: aCount,
    window: WINDOW,
    failureRatio: aRatio,
    slowCallMs: number({ min: 0, infinite: true }),
    slowCallRatio: aRatio,
    minimumCalls: aCount,
    openMs: aDurationMs,
    openGrowth: number({ min: 1 }),
    maxOpenMs: aDurationMs,
    halfOpenCalls: aCount,
    classify: callable,
    onStateChange: callable,
    clock: aClock,
  })
  const resolved = withDefaults({ ...BREAKER_DEFAULTS, classify: classifyOutcome }, options)
  const { consecutiveFailures, window, openMs, maxOpenMs, minimumCalls } = resolved
  if (consecutiveFailures !== undefined) {
    for (const name of OF_A_WINDOW) if (options[name] !== undefined) throw unused(`breaker.${name}`, options[name])
  }
  if (options.maxOpenMs !== undefined) checkArgument('breaker.maxOpenMs', maxOpenMs, notBelow('breaker.openMs', openMs))
  const mostCalls = 'calls' in window ? window.calls : Number.POSITIVE_INFINITY
  if (options.minimumCalls !== undefined)
    checkArgument('breaker.minimumCalls', minimumCalls, notAbove('breaker.window.calls', mostCalls))
  return { ...resolved, maxOpenMs: Math.max(openMs, maxOpenMs), minimumCalls: Math.min(minimumCalls, mostCalls) }
}

function notAbove(key: string, most: number): Rule {
  return { expected: `an integer <= ${key} (${most})`, accepts: (value) => Number(value) <= most }
}

function unused(key: string, value: unknown): ConfigurationError {
  const [expected, received] = ['left out beside breaker.consecutiveFailures', describeValue(value)]
  return new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, expected, received }] })
}
