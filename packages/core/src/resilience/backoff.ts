import { callable, checkArgument, checkOptions, withDefaults } from '../options.ts'
import { aDurationMs, aRatio, notBelow } from './rules.ts'

/** Where in a row of retries we are. */
export interface BackoffState {
  /** 1 for the first retry. */
  readonly retry: number
  /** The delay before the retry before; undefined for the first. */
  readonly previousMs: number | undefined
  /** A number from 0 up to but excluding 1. */
  readonly random: () => number
}

export interface Backoff {
  readonly description: string
  /** Milliseconds to wait before this retry. */
  delayMs(state: BackoffState): number
}

export interface BackoffOptions {
  /** The first delay. @default 100 */
  readonly baseMs?: number
  /** No delay is longer. @default 30000 */
  readonly maxMs?: number
  /** Share of each delay that is random: 0 none, 1 anything from nothing to the full delay ("full jitter"). @default 0.5 */
  readonly jitter?: number
}

export const BACKOFF_DEFAULTS: Readonly<Required<BackoffOptions>> = Object.freeze({ baseMs: 100, maxMs: 30_000, jitter: 0.5 })

const RULES = { baseMs: aDurationMs, maxMs: aDurationMs, jitter: aRatio }

/** The limits of a backoff. A base above the default ceiling raises that; one above a ceiling that was given is a mistake. */
function limitsOf(name: string, options: BackoffOptions): Required<BackoffOptions> {
  const { baseMs, maxMs, jitter } = withDefaults(BACKOFF_DEFAULTS, options)
  if (options.maxMs !== undefined) checkArgument(`${name}.maxMs`, maxMs, notBelow(`${name}.baseMs`, baseMs))
  return { baseMs, maxMs: Math.max(baseMs, maxMs), jitter }
}

type Growth = (retry: number) => number

function growing(name: string, options: BackoffOptions, growth: Growth): Backoff {
  checkOptions<BackoffOptions>(name, options, RULES)
  const { baseMs, maxMs, jitter } = limitsOf(name, options)
  return {
    description: `${name} (${baseMs}..${maxMs} ms, jitter ${jitter})`,
    delayMs({ retry, random }) {
      // The growth may be infinite, and 0 times that is not a number.
      const full = Math.min(maxMs, baseMs * Math.min(Number.MAX_VALUE, growth(retry)))
      return jitter === 0 ? full : full * (1 - jitter * random())
    },
  }
}

export function constantBackoff(options: BackoffOptions = {}): Backoff {
  return growing('constantBackoff', options, () => 1)
}

/** base, 2 base, 3 base, … */
export function linearBackoff(options: BackoffOptions = {}): Backoff {
  return growing('linearBackoff', options, (retry) => retry)
}

/** base, 2 base, 4 base, … */
export function exponentialBackoff(options: BackoffOptions = {}): Backoff {
  return growing('exponentialBackoff', options, (retry) => 2 ** (retry - 1))
}

/** base, 2 base, 3 base, 5 base, 8 base, … */
export function fibonacciBackoff(options: BackoffOptions = {}): Backoff {
  return growing('fibonacciBackoff', options, (retry) => {
    let [last, next] = [1, 1]
    for (let at = 0; at < retry && Number.isFinite(next); at++) [last, next] = [next, last + next]
    return last
  })
}

/**
 * Each delay is random between the base and three times the delay before: spreads clients that failed together.
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function decorrelatedJitterBackoff(options: Omit<BackoffOptions, 'jitter'> = {}): Backoff {
  checkOptions('decorrelatedJitterBackoff', options, { baseMs: RULES.baseMs, maxMs: RULES.maxMs })
  const { baseMs, maxMs } = limitsOf('decorrelatedJitterBackoff', options)
  return {
    description: `decorrelatedJitterBackoff (${baseMs}..${maxMs} ms)`,
    delayMs({ previousMs = baseMs, random }) {
      return Math.min(maxMs, baseMs + random() * Math.max(0, previousMs * 3 - baseMs))
    },
  }
}

/** Delays of your own making; a negative or not finite one counts as 0. */
export function customBackoff(delayMs: (state: BackoffState) => number): Backoff {
  checkArgument('customBackoff delayMs', delayMs, callable)
  return {
    description: 'customBackoff',
    delayMs(state) {
      const ms = delayMs(state)
      return Number.isFinite(ms) && ms > 0 ? ms : 0
    },
  }
}
