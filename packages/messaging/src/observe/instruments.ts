import { DURATION_BUCKETS, perMeterProvider } from '@comm/core/telemetry'
import type { Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api'
import { makeLagGauge } from './lag.ts'

export const SCOPE = '@comm/messaging'

/** Names, units and buckets: OpenTelemetry semantic conventions for messaging metrics; `comm.` where they have none. */
export interface Instruments {
  readonly sent: Counter
  readonly sendDuration: Histogram
  readonly consumed: Counter
  readonly processDuration: Histogram
  readonly inFlight: UpDownCounter
  readonly retried: Counter
  readonly dead: Counter
  readonly deduplicated: Counter
  readonly expired: Counter
  readonly dropped: Counter
  readonly resubscribed: Counter
}

export const instruments: () => Instruments | undefined = perMeterProvider(SCOPE, make)

function make(meter: Meter): Instruments {
  const messages = (name: string, description: string): Counter => meter.createCounter(name, { unit: '{message}', description })
  const seconds = (name: string, description: string): Histogram =>
    meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] } })
  makeLagGauge(meter)
  return {
    sent: messages('messaging.client.sent.messages', 'Messages the broker was asked to take.'),
    sendDuration: seconds('messaging.client.operation.duration', 'From publish to confirmation.'),
    consumed: messages('messaging.client.consumed.messages', 'Messages delivered.'),
    processDuration: seconds('messaging.process.duration', 'From delivery to settling.'),
    inFlight: meter.createUpDownCounter('comm.messaging.in_flight', {
      unit: '{message}',
      description: 'Messages being handled.',
    }),
    retried: messages('comm.messaging.retried', 'Failed attempts followed by another one.'),
    dead: messages('comm.messaging.dead', 'Messages that ended in a dead-letter topic.'),
    deduplicated: messages('comm.messaging.deduplicated', 'Messages seen before and not handled again.'),
    expired: messages('comm.messaging.expired', 'Messages dropped because their time was over.'),
    dropped: messages('comm.messaging.dropped', 'Messages that could not be handled, of subscriptions without dead letters.'),
    resubscribed: messages('comm.messaging.resubscribed', 'Silent subscriptions that were begun anew.'),
  }
}
