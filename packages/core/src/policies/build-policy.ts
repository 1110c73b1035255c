import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../clock.ts'
import { ConfigurationError, type Problem } from '../errors/errors.ts'
import { boolean, checkArgument, either, object, oneOf } from '../options.ts'
import {
  constantBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  linearBackoff,
} from '../resilience/backoff.ts'
import { breaker } from '../resilience/breaker.ts'
import { bulkhead } from '../resilience/bulkhead.ts'
import { chaos } from '../resilience/chaos.ts'
import { concurrencyLimit } from '../resilience/concurrency-limit.ts'
import { hedge } from '../resilience/hedge.ts'
import { HEDGE_BUDGET } from '../resilience/hedge-options.ts'
import { keyed } from '../resilience/keyed.ts'
import { rateLimit } from '../resilience/rate-limit.ts'
import { retry } from '../resilience/retry.ts'
import { retryBudget } from '../resilience/retry-budget.ts'
import type { Stage } from '../resilience/stage.ts'
import { timeout } from '../resilience/timeout.ts'
import type { PolicyKind } from './policy-config.ts'
import type { PolicyEntry } from './policy-entries.ts'

/** A policy that was built, and from what: so that the next configuration can keep what it has learned. */
export interface BuiltPolicy {
  readonly entry: PolicyEntry
  readonly stage: Stage
  /** Of a retry or a hedge whose budget is data. */
  readonly budget: unknown
}

/** The options have been checked by nobody yet: that is what the builders do. */
type Builder = (options: never) => Stage

const BUILDERS: Readonly<Record<PolicyKind, Builder>> = {
  totalTimeout: timeout,
  retry,
  hedge,
  breaker,
  rateLimit,
  bulkhead,
  concurrencyLimit,
  timeout,
  chaos,
}

const BACKOFFS: Readonly<Record<string, (options: never) => unknown>> = {
  constant: constantBackoff,
  linear: linearBackoff,
  exponential: exponentialBackoff,
  fibonacci: fibonacciBackoff,
  decorrelatedJitter: decorrelatedJitterBackoff,
}

const PER_TARGET: ReadonlySet<PolicyKind> = new Set(['breaker', 'bulkhead', 'concurrencyLimit'])
const HAS_BUDGET: ReadonlySet<PolicyKind> = new Set(['retry', 'hedge'])

/**
 * Builds a policy, or keeps the one before where nothing about it has changed.
 * @param before the policy of the same id in the configuration before
 * @returns undefined when something is wrong with it, which is then in `problems`
 */
export function buildPolicy(
  name: string,
  entry: PolicyEntry,
  before: BuiltPolicy | undefined,
  clock: Clock,
  problems: Problem[],
): BuiltPolicy | undefined {
  if (before !== undefined && isDeepStrictEqual(before.entry.options, entry.options)) return { ...before, entry }
  const { key, kind } = entry
  const { perTarget, ...options } = { name, ...entry.options } as Record<string, unknown>
  if (!PER_TARGET.has(kind) && perTarget !== undefined) options['perTarget'] = perTarget
  const problemsBefore = problems.length
  let budget: unknown
  if (kind === 'retry' && isData(options['backoff'], 'delayMs')) {
    const given = options['backoff']
    options['backoff'] = attempt(`${key}.backoff`, problems, () => backoffOf(given))
  }
  if (HAS_BUDGET.has(kind) && isData(options['budget'], 'withdraw')) {
    const given = options['budget']
    const isSame = before?.budget !== undefined && isDeepStrictEqual(before.entry.options['budget'], given)
    const make = (): unknown => retryBudget({ ...(kind === 'hedge' ? HEDGE_BUDGET : {}), clock, ...given })
    options['budget'] = budget = isSame ? before.budget : attempt(`${key}.budget`, problems, make)
  }
  const stage = attempt(key, problems, () => (BUILDERS[kind] as (given: object) => Stage)(options))
  if (stage === undefined || perTarget === undefined || perTarget === false || !PER_TARGET.has(kind))
    return problems.length > problemsBefore ? undefined : { entry, stage: stage as Stage, budget }
  const each = attempt(`${key}.perTarget`, problems, () => perTargetOf(kind, options, perTarget, stage))
  return each === undefined ? undefined : { entry, stage: each, budget }
}

/** @param one what it will be of each */
function perTargetOf(kind: PolicyKind, options: Readonly<Record<string, unknown>>, perTarget: unknown, one: Stage): Stage {
  checkArgument('perTarget', perTarget, either(boolean, object))
  const bounds = perTarget === true ? {} : (perTarget as object)
  return keyed(() => (BUILDERS[kind] as (given: object) => Stage)(options), {
    name: String(options['name']),
    of: one.description ?? one.name,
    ...bounds,
  })
}

interface BackoffData {
  readonly type?: unknown
}

function backoffOf({ type, ...options }: BackoffData): unknown {
  checkArgument('backoff.type', type, oneOf(...Object.keys(BACKOFFS)))
  return BACKOFFS[String(type)]?.(options as never)
}

/** Whether it is an object that is not yet the thing itself, which would have this method. */
function isData(value: unknown, method: string): value is object {
  return object.accepts(value) && typeof (value as Readonly<Record<string, unknown>>)[method] !== 'function'
}

/** Runs `build`, and notes what is wrong: a complaint about `retry.maxRetries` is one about the key of that policy. */
function attempt<Built>(key: string, problems: Problem[], build: () => Built): Built | undefined {
  try {
    return build()
  } catch (thrown) {
    if (!(thrown instanceof ConfigurationError)) throw thrown
    for (const problem of thrown.problems) problems.push({ ...problem, key: `${key}${problem.key.replace(/^[^.[ ]+/, '')}` })
    return undefined
  }
}
