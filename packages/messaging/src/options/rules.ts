import { type Backoff, LONGEST_TIMEOUT_MS, type Pipeline } from '@comm/core'
import { number, object, type Rule } from '@comm/core/options'

/** As long as a timer can be. */
export const positiveMs: Rule = number({ min: 1, max: LONGEST_TIMEOUT_MS })
export const count: Rule = number({ min: 1, integer: true })
export const pipelineRule: Rule = {
  expected: "a pipeline made by pipeline() of '@comm/core'",
  accepts: (value) => object.accepts(value) && typeof (value as Partial<Pipeline>).run === 'function',
}
export const backoffRule: Rule = {
  expected: "a backoff such as exponentialBackoff() of '@comm/core'",
  accepts: (value) => object.accepts(value) && typeof (value as Partial<Backoff>).delayMs === 'function',
}
export const maybeSignal: Rule = {
  expected: 'an AbortSignal, or nothing',
  accepts: (value) => value === undefined || value instanceof AbortSignal,
}
export const abortSignal: Rule = { expected: 'an AbortSignal', accepts: (value) => value instanceof AbortSignal }
