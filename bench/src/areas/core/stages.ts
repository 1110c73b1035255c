import type { Setup } from '@comm/bench/area'
import {
  breaker,
  bulkhead,
  chaos,
  concurrencyLimit,
  fallback,
  hedge,
  keyed,
  observePolicies,
  pipeline,
  rateLimit,
  retry,
  retryBudget,
  type Stage,
  timeout,
} from '@comm/core'
import { measurePolicies } from '@comm/core/telemetry'
import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { callee, LIMITS } from './callee.ts'

/** Who sees what the policies do: nobody, a listener, or OpenTelemetry metrics of a running SDK. */
export type Watched = 'by nobody' | 'listened to' | 'measured'

const CYCLE: readonly (() => Stage)[] = [
  () => breaker(),
  () => bulkhead({ limit: LIMITS.concurrent }),
  () => retry({ maxRetries: LIMITS.maxRetries }),
  () => timeout({ ms: LIMITS.timeoutMs }),
]

const OTHERS: Readonly<Record<string, () => Stage>> = {
  'breaker of a time window': () => breaker({ window: { ms: 10_000 }, slowCallMs: 500 }),
  'keyed breaker': () => keyed(() => breaker()),
  'retry with a budget': () => retry({ budget: retryBudget() }),
  concurrencyLimit: () => concurrencyLimit(),
  rateLimit: () => rateLimit({ perSecond: 1e9 }),
  hedge: () => hedge(),
  fallback: () => fallback(() => 0),
  'chaos, off': () => chaos({}),
}

export const KINDS: readonly string[] = Object.keys(OTHERS)

/** A pipeline of so many stages, the usual four over and over, or of one stage of another kind. */
export const setup: Setup = ({ parameters }) => {
  const { count = 1, kind, watched } = parameters as { count?: number; kind?: string; watched?: Watched }
  const make = (at: number): Stage => (OTHERS[String(kind)] ?? CYCLE[at % CYCLE.length] ?? breaker)()
  const policies = pipeline(Array.from({ length: count }, (_, at) => make(at)))
  if (watched === 'listened to') observePolicies(() => {})
  if (watched === 'measured') {
    metrics.setGlobalMeterProvider(new MeterProvider())
    measurePolicies()
  }
  const plain = (argument: number): Promise<number> => callee(argument, 'none', noSignal)
  return { op: () => policies.run(plain, 1) }
}

function noSignal(): AbortSignal {
  throw new Error('this work reads no signal')
}
