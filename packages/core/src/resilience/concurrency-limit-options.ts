import { CommunicationError } from '../errors/errors.ts'
import type { ErrorCode } from '../errors/table.ts'
import { callable, checkArgument, checkOptions, nonEmptyText, number, type Rule, withDefaults } from '../options.ts'
import { overloadRule, QUEUE_DEFAULTS, QUEUE_RULES, type QueueOptions } from './queue-options.ts'
import { aCount, aDurationMs, notBelow } from './rules.ts'
import type { Call } from './stage.ts'

/** How an outcome counts for an adaptive limit. `overload`: the callee did not cope. `ignore`: its duration says nothing. */
export type LoadVerdict = 'success' | 'overload' | 'ignore'

export interface LimitChange {
  readonly name: string
  readonly from: number
  readonly to: number
}

export interface ConcurrencyLimitOptions extends QueueOptions {
  /** Names it in events and metrics. @default 'concurrencyLimit' */
  readonly name?: string
  /** Calls at once, until something is known. @default 20, within minLimit and maxLimit */
  readonly initialLimit?: number
  /** @default 2 */
  readonly minLimit?: number
  /** @default 1000 */
  readonly maxLimit?: number
  /** The limit changes once in so many milliseconds, @default 100 */
  readonly windowMs?: number
  /** and not before so many outcomes. @default 25 */
  readonly windowCalls?: number
  /** How many times the latency without a queue is still no queue. @default 1.5 */
  readonly tolerance?: number
  /** Share of the way to the new limit that one change goes. @default 0.2 */
  readonly smoothing?: number
  /** What the limit is multiplied by when the callee does not cope. @default 0.9 */
  readonly backoff?: number
  /** How often the latency without a queue is measured anew, at half the limit or less; a tenth earlier or later. @default 30000 */
  readonly probeIntervalMs?: number
  /** @default classifyLoad */
  readonly classify?: (call: Call) => LoadVerdict
  /** Is told after each change. */
  readonly onLimitChange?: (change: LimitChange) => void
  /** @default Math.random */
  readonly random?: () => number
}

export const CONCURRENCY_LIMIT_DEFAULTS: Readonly<
  Required<Omit<ConcurrencyLimitOptions, 'overloadQueueMs' | 'priority' | 'classify' | 'onLimitChange' | 'random'>>
> = Object.freeze({
  name: 'concurrencyLimit',
  ...QUEUE_DEFAULTS,
  initialLimit: 20,
  minLimit: 2,
  maxLimit: 1000,
  windowMs: 100,
  windowCalls: 25,
  tolerance: 1.5,
  smoothing: 0.2,
  backoff: 0.9,
  probeIntervalMs: 30_000,
})

export type ResolvedConcurrencyLimit = ConcurrencyLimitOptions &
  typeof CONCURRENCY_LIMIT_DEFAULTS & { readonly classify: (call: Call) => LoadVerdict; readonly random: () => number }

/** What the algorithm needs. */
export type ResolvedGradient = Pick<
  ResolvedConcurrencyLimit,
  | 'initialLimit'
  | 'minLimit'
  | 'maxLimit'
  | 'windowMs'
  | 'windowCalls'
  | 'tolerance'
  | 'smoothing'
  | 'backoff'
  | 'probeIntervalMs'
>

const aShare: Rule = number({ above: 0, max: 1 })

export function resolveConcurrencyLimit(options: ConcurrencyLimitOptions): ResolvedConcurrencyLimit {
  checkOptions<ConcurrencyLimitOptions>('concurrencyLimit', options, {
    name: nonEmptyText,
    ...QUEUE_RULES,
    initialLimit: aCount,
    minLimit: aCount,
    maxLimit: aCount,
    windowMs: aDurationMs,
    windowCalls: aCount,
    tolerance: number({ min: 1 }),
    smoothing: aShare,
    backoff: aShare,
    probeIntervalMs: number({ above: 0, infinite: true }),
    classify: callable,
    onLimitChange: callable,
    random: callable,
  })
  const resolved = withDefaults({ ...CONCURRENCY_LIMIT_DEFAULTS, classify: classifyLoad, random: Math.random }, options)
  const { minLimit, maxLimit, initialLimit, maxQueueMs } = resolved
  checkArgument('concurrencyLimit.maxLimit', maxLimit, notBelow('concurrencyLimit.minLimit', minLimit))
  if (options.initialLimit !== undefined) {
    const within = `an integer from concurrencyLimit.minLimit (${minLimit}) to maxLimit (${maxLimit})`
    const accepts = (value: unknown): boolean => Number(value) >= minLimit && Number(value) <= maxLimit
    checkArgument('concurrencyLimit.initialLimit', initialLimit, { expected: within, accepts })
  }
  const rule = overloadRule('concurrencyLimit', options)
  if (rule !== undefined) checkArgument('concurrencyLimit.maxQueueMs', maxQueueMs, rule)
  return { ...resolved, initialLimit: Math.max(minLimit, Math.min(maxLimit, initialLimit)) }
}

const OVERLOADS: ReadonlySet<ErrorCode> = new Set(['COMM_TIMEOUT', 'COMM_SERVICE_UNAVAILABLE', 'COMM_RATE_LIMITED'])
/** Too many requests, service unavailable, gateway timeout: RFC 6585, RFC 9110. */
const OVERLOAD_STATUSES: ReadonlySet<unknown> = new Set([429, 503, 504])

/**
 * An answer is a `success`; a timeout, and what an overloaded server says (429, 503, 504), an `overload`. Everything else is ignored:
 * errors may come faster than answers.
 */
export function classifyLoad({ failed, abortedByCaller, error }: Call): LoadVerdict {
  if (!failed) return 'success'
  if (abortedByCaller || !(error instanceof CommunicationError)) return 'ignore'
  return OVERLOADS.has(error.code) || OVERLOAD_STATUSES.has(error.details['status']) ? 'overload' : 'ignore'
}
