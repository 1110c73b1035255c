import type { Stage } from '../resilience/stage.ts'

/**
 * The policies of a client, outermost first. A function is asked before every call, and gives the same array until they change; calls under
 * way go on under those that they began with.
 */
export type PolicySource = readonly Stage[] | (() => readonly Stage[])

/**
 * What `make` makes of policies, anew when they are others. Made once at the beginning, so that wrong ones are noticed then.
 * @throws what `make` throws
 */
export function followPolicies<Made>(source: PolicySource, make: (policies: readonly Stage[]) => Made): () => Made {
  if (typeof source !== 'function') {
    const made = make(source)
    return () => made
  }
  let policies = source()
  let made = make(policies)
  return () => {
    const now = source()
    if (now !== policies) {
      made = make(now)
      policies = now
    }
    return made
  }
}
