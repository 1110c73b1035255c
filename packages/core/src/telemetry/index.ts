import { observePolicies, onEachRun, type PolicyEvent } from '../resilience/policy-events.ts'
import { attributesOf, closeInstruments, policyInstruments } from './policy-instruments.ts'
import { COUNTERS, type EventCounter } from './policy-metrics.ts'

export { errorType } from './error-type.ts'
export { DURATION_BUCKETS, perMeterProvider, runningTracer } from './providers.ts'

interface Measuring {
  users: number
  stop: (() => void) | undefined
  /** Looks which meter provider there is. */
  follow: (() => unknown) | undefined
}

/** One for the process, also when this package is installed twice, or everything would be counted twice. */
const MEASURING: unique symbol = Symbol.for('@comm/core/policy-metrics@1')
const shared = globalThis as typeof globalThis & { [MEASURING]?: Measuring }
const measuring: Measuring = shared[MEASURING] ?? { users: 0, stop: undefined, follow: undefined }
shared[MEASURING] = measuring

/**
 * Measures every policy of this process through `@opentelemetry/api`: `docs/resilience.md` names the instruments. It follows the meter
 * provider, also one that is registered later: from the next call through a pipeline on, or when this is called again. Several parties
 * may ask for it: nothing is counted twice.
 *
 * @returns ends it, once every party has called its own
 */
export function measurePolicies(): () => void {
  if (measuring.users++ === 0) begin()
  measuring.follow?.()
  let ended = false
  return () => {
    if (ended) return
    ended = true
    if (--measuring.users === 0) measuring.stop?.()
  }
}

function begin(): void {
  const stopObserving = observePolicies(count)
  onEachRun(policyInstruments)
  measuring.follow = policyInstruments
  measuring.stop = () => {
    stopObserving()
    onEachRun(undefined)
    closeInstruments()
    measuring.stop = measuring.follow = undefined
  }
}

function count(event: PolicyEvent): void {
  const found = policyInstruments()
  if (found === undefined) return
  const attributes = attributesOf(event.policy, event.name)
  if (event.event === 'admission') return found.queueDuration.record(event.waitedMs / 1000, attributes)
  const { attribute, value } = COUNTERS[event.event] as EventCounter<typeof event.event>
  if (attribute !== undefined && value !== undefined) attributes[attribute] = value(event as never)
  found.counters.get(event.event)?.add(1, attributes)
}
