import type { Attributes, Meter, ObservableResult } from '@opentelemetry/api'

/** A topic that a group consumes here. */
export interface LagSource {
  readonly attributes: Attributes
  /** Messages that the group has not settled. Rejects when the broker cannot be asked; has a time limit of its own. */
  readonly lag: () => Promise<number>
}

const sources = new Set<LagSource>()

/** Lets the lag be observed, from now on until the returned function is called. The broker is asked only when metrics are collected. */
export function observeLag(source: LagSource): () => void {
  sources.add(source)
  return () => {
    sources.delete(source)
  }
}

/** Makes the gauge. A broker that cannot be asked leaves a gap. */
export function makeLagGauge(meter: Meter): void {
  meter
    .createObservableGauge('comm.messaging.lag', { unit: '{message}', description: 'Messages that the group has not settled.' })
    .addCallback(async (result: ObservableResult) => {
      await Promise.all(
        [...sources].map(async ({ attributes, lag }) => {
          await lag().then(
            (messages) => result.observe(messages, attributes),
            () => undefined,
          )
        }),
      )
    })
}
