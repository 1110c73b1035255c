import { ConfigurationError } from '../errors/errors.ts'
import { callable, checkOptions, describeValue, nonEmptyText, number, withDefaults, withMethods } from '../options.ts'
import type { RetryBudget, RetryBudgetOptions } from './retry-budget.ts'
import { aCount, aDurationMs } from './rules.ts'
import type { Call } from './stage.ts'

export interface HedgeEvent {
  /** 1 for the first one. */
  readonly hedge: number
  /** How long the attempt before has been under way. */
  readonly afterMs: number
}

export interface HedgeOptions {
  /** Names it in events and metrics. @default 'hedge' */
  readonly name?: string
  /** A further attempt starts when there is no answer after so long; instead of `percentile`. */
  readonly afterMs?: number
  /** A further attempt starts when this share of the calls before had their answer already. @default 0.95 */
  readonly percentile?: number
  /** So many latencies must be known before the percentile is used; no call is hedged before. @default 20 */
  readonly minimumCalls?: number
  /** Attempts beside the first. @default 1 */
  readonly maxHedges?: number
  /** Whether this call may be made twice at all. @default always */
  readonly isSafe?: (call: Call) => boolean
  /** Whether an answer is one to be content with; otherwise it counts as a failure. @default every answer */
  readonly isGood?: (value: unknown) => boolean
  /** Shared by all pipelines towards one target. @default a retryBudget({ ratio: 0.1, minPerSecond: 1 }) of its own */
  readonly budget?: RetryBudget
  /** Is told when a further attempt starts. */
  readonly onHedge?: (event: HedgeEvent) => void
}

export const HEDGE_DEFAULTS: Readonly<Required<Pick<HedgeOptions, 'name' | 'percentile' | 'minimumCalls' | 'maxHedges'>>> =
  Object.freeze({ name: 'hedge', percentile: 0.95, minimumCalls: 20, maxHedges: 1 })

/** Of the budget that a hedge makes itself: at most a tenth more load. */
export const HEDGE_BUDGET: Readonly<Required<Pick<RetryBudgetOptions, 'ratio' | 'minPerSecond'>>> = Object.freeze({
  ratio: 0.1,
  minPerSecond: 1,
})

export type ResolvedHedge = HedgeOptions & typeof HEDGE_DEFAULTS

export function resolveHedge(options: HedgeOptions): ResolvedHedge {
  checkOptions<HedgeOptions>('hedge', options, {
    name: nonEmptyText,
    afterMs: aDurationMs,
    percentile: number({ above: 0, max: 1 }),
    minimumCalls: aCount,
    maxHedges: aCount,
    isSafe: callable,
    isGood: callable,
    budget: withMethods('a RetryBudget such as retryBudget()', 'deposit', 'withdraw'),
    onHedge: callable,
  })
  if (options.afterMs !== undefined) {
    for (const name of ['percentile', 'minimumCalls'] as const) {
      if (options[name] === undefined) continue
      const [key, expected, received] = [`hedge.${name}`, 'left out beside hedge.afterMs', describeValue(options[name])]
      throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, expected, received }] })
    }
  }
  return withDefaults(HEDGE_DEFAULTS, options)
}
