import {
  type Attributes,
  type BatchObservableCallback,
  type Counter,
  createNoopMeter,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
} from '@opentelemetry/api'
import type { PolicyEvent } from '../resilience/policy-events.ts'
import { policyReadings, READING_KINDS, type ReadingKind } from '../resilience/readings.ts'
import { COUNTERS, GAUGES, QUEUE_DURATION, SECONDS_BUCKETS } from './policy-metrics.ts'

const SCOPE = '@comm/core'
const COUNTED = Object.keys(COUNTERS) as (keyof typeof COUNTERS)[]

/** The instruments of one meter provider. */
export interface PolicyInstruments {
  readonly counters: ReadonlyMap<PolicyEvent['event'], Counter>
  readonly queueDuration: Histogram
  /** Nothing is read for this provider any more. */
  close(): void
}

let madeBy: MeterProvider | undefined
let made: PolicyInstruments | undefined

/**
 * The instruments of the current meter provider, undefined while there is none. Asked on each use, because an instrument made
 * before the SDK starts stays dead.
 */
export function policyInstruments(): PolicyInstruments | undefined {
  const provider = metrics.getMeterProvider()
  if (provider !== madeBy) {
    closeInstruments()
    madeBy = provider
    const meter = provider.getMeter(SCOPE)
    made = meter === createNoopMeter() ? undefined : make(meter)
  }
  return made
}

export function closeInstruments(): void {
  made?.close()
  made = madeBy = undefined
}

function make(meter: Meter): PolicyInstruments {
  const gauges = new Map<ReadingKind, Observable>(
    READING_KINDS.map((kind) => {
      const { name, unit, description } = GAUGES[kind]
      return [kind, meter.createObservableUpDownCounter(name, { unit, description })]
    }),
  )
  const read: BatchObservableCallback = (result) => {
    for (const { kind, value, attributes } of summed()) {
      const gauge = gauges.get(kind)
      if (gauge !== undefined) result.observe(gauge, value, attributes)
    }
  }
  const observables = [...gauges.values()]
  meter.addBatchObservableCallback(read, observables)
  return {
    counters: new Map(
      COUNTED.map((event) => {
        const { name, unit, description } = COUNTERS[event]
        return [event, meter.createCounter(name, { unit, description })]
      }),
    ),
    queueDuration: meter.createHistogram(QUEUE_DURATION.name, {
      unit: QUEUE_DURATION.unit,
      description: QUEUE_DURATION.description,
      advice: { explicitBucketBoundaries: [...SECONDS_BUCKETS] },
    }),
    close: () => meter.removeBatchObservableCallback(read, observables),
  }
}

interface Sum {
  readonly kind: ReadingKind
  readonly attributes: Attributes
  value: number
}

/** One value per instrument and set of attributes, or the last one would win. */
function summed(): Iterable<Sum> {
  const sums = new Map<string, Sum>()
  for (const { kind, policy, name, state, value } of policyReadings()) {
    const key = JSON.stringify([kind, policy, name, state])
    const sum = sums.get(key)
    if (sum !== undefined) sum.value += value
    else {
      const attributes = { ...attributesOf(policy, name), ...(state === undefined ? {} : { 'comm.breaker.state': state }) }
      sums.set(key, { kind, attributes, value })
    }
  }
  return sums.values()
}

export function attributesOf(policy: string, name: string): Attributes {
  return { 'comm.policy.type': policy, 'comm.policy.name': name }
}
