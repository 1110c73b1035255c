import {
  arrayOf,
  boolean,
  callable,
  checkArgument,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  required,
} from '@comm/core/options'
import type { BrokerFeatures, SubscribeRequest } from '../broker.ts'
import { unsupported } from './errors.ts'

const atLeastOneTopic: Rule = {
  expected: 'a non-empty array of topics',
  accepts: (value) => arrayOf(nonEmptyText).accepts(value) && (value as readonly unknown[]).length > 0,
}
const isTimestamp: Rule = {
  expected: '{ timestamp: number }',
  accepts: (value) => object.accepts(value) && Number.isFinite((value as { readonly timestamp?: unknown }).timestamp),
}

/**
 * Checks what an adapter is asked to subscribe to: its shape, and whether the broker can serve it.
 * @param broker its name, for people
 * @throws ConfigurationError; CommunicationError COMM_UNSUPPORTED
 */
export function checkSubscribe(request: SubscribeRequest, onDelivery: unknown, broker: string, features: BrokerFeatures): void {
  checkOptions<SubscribeRequest>('subscribe', request, {
    topics: required(atLeastOneTopic),
    pattern: boolean,
    group: nonEmptyText,
    maxUnsettled: required(number({ min: 1, integer: true, infinite: true })),
    lanes: required(oneOf('key', 'source', 'none')),
    ordered: boolean,
    temporary: boolean,
    from: either(oneOf('new', 'earliest'), isTimestamp),
  })
  checkArgument('onDelivery', onDelivery, callable)
  const { topics, pattern, group, from = 'new' } = request
  const lacks =
    pattern && !features.patterns
      ? 'it has no patterns. Name the topics'
      : group !== undefined && !features.groups
        ? 'it has no groups'
        : from !== 'new' && !features.replay
          ? 'it keeps nothing of the past for groups to come'
          : undefined
  if (lacks !== undefined) throw unsupported(`cannot subscribe to ${topics.join(', ')} of ${broker}: ${lacks}`)
}
