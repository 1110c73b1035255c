import { arrayOf, boolean, checkOptions, either, nonEmptyText, number, object, oneOf, required } from '@comm/core/options'
import type { SubscribeRequest } from '@comm/messaging'
import { checkNames } from './errors.ts'

const atLeastOneTopic = {
  expected: 'a non-empty array of topics',
  accepts: (value: unknown) => arrayOf(nonEmptyText).accepts(value) && (value as readonly unknown[]).length > 0,
}
const isTimestamp = {
  expected: '{ timestamp: number }',
  accepts: (value: unknown) => object.accepts(value) && Number.isFinite((value as { readonly timestamp?: unknown }).timestamp),
}

/** @throws ConfigurationError */
export function checkRequest(request: SubscribeRequest): void {
  checkOptions<SubscribeRequest>('subscribe', request, {
    topics: required(atLeastOneTopic),
    pattern: boolean,
    group: nonEmptyText,
    maxUnsettled: required(number({ min: 1, integer: true, infinite: true })),
    lanes: required(oneOf('key', 'source', 'none')),
    ordered: boolean,
    from: either(oneOf('new', 'earliest'), isTimestamp),
  })
  checkNames(request.topics, request.group)
}
