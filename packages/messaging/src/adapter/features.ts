import type { BrokerFeatures } from '../broker.ts'

/** What every broker has that has nothing more to offer: an adapter says what it can beyond that. */
export const NO_FEATURES: BrokerFeatures = Object.freeze({
  ordering: 'none',
  durable: false,
  groups: false,
  patterns: false,
  delay: false,
  priority: false,
  countsRedeliveries: false,
  headers: false,
  replay: false,
  detectsUnroutable: false,
})
