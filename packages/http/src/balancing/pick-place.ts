import type { Stage } from '@comm/core'

/**
 * Where the instance is chosen among the policies of a client with `endpoints`: what is further in knows it as `call.target`, such as
 * `keyed(() => breaker())`, a breaker for each instance. A client puts it behind its policies, unless it is among them.
 */
export const pickPlace: Stage = Object.freeze({ name: 'pick', description: 'pick (an instance for each attempt)' })
