import {
  type Breaker,
  breaker,
  bulkhead,
  type Clock,
  type Keyed,
  keyed,
  type PolicySource,
  rateLimit,
  retry,
  type Stage,
} from '@comm/core'
import { withDefaults } from '@comm/core/options'
import { totalTimeout } from './call-timeout.ts'
import { GRPC_CLIENT_DEFAULTS, type GrpcClientOptions, type ResolvedClient } from './options.ts'
import { breakerVerdict, elsewhereVerdict, hintElsewhere, isSafeElsewhere, isSafeToRetry, retryVerdictFor } from './verdicts.ts'

/** Stands for the stage that picks the instance, made by the client itself. */
export const pickPlace: Stage = { name: 'pick', description: 'pick (the place of the client’s own)' }

export interface ClientPolicies {
  readonly stages: PolicySource
  readonly circuitBreaker?: Breaker
  /** By the id of the instance. */
  readonly circuitBreakers?: Keyed<Breaker>
}

/**
 * The stages of a client. With instances, each has a breaker and a bulkhead of its own, behind the pick: what one refuses,
 * another may take.
 */
export function policiesOf(options: GrpcClientOptions, { clock, name, policies }: ResolvedClient): ClientPolicies {
  if (policies !== undefined) return { stages: policies }
  const isBalanced = options.endpoints !== undefined
  const stages: Stage[] = [totalTimeout]
  if (options.rateLimit) stages.push(rateLimit({ clock, ...options.rateLimit }))
  if (options.retry !== false) {
    const { statuses, ...given } = withDefaults(GRPC_CLIENT_DEFAULTS.retry, options.retry ?? {})
    const verdict = retryVerdictFor(statuses)
    const rules = isBalanced
      ? { classify: elsewhereVerdict(verdict), isSafe: isSafeElsewhere, hint: hintElsewhere }
      : { classify: verdict, isSafe: isSafeToRetry }
    stages.push(retry({ ...rules, ...given }))
  }
  if (isBalanced) stages.push(pickPlace)
  const protection = breakersOf(options, name, clock)
  stages.push(...Object.values(protection))
  if (options.bulkhead !== false) {
    const limits = withDefaults(GRPC_CLIENT_DEFAULTS.bulkhead, options.bulkhead ?? {})
    const whole = bulkhead(limits)
    stages.push(isBalanced ? keyed(() => bulkhead(limits), { name: 'bulkhead' }) : whole)
  }
  return { stages, ...protection }
}

function breakersOf(
  { circuitBreaker = {}, endpoints }: GrpcClientOptions,
  name: string,
  clock: Clock,
): Omit<ClientPolicies, 'stages'> {
  if (circuitBreaker === false) return {}
  const make = (of: string): Breaker =>
    breaker({ name: `the circuit breaker of ${of}`, classify: breakerVerdict, clock, ...circuitBreaker })
  const whole = make(name)
  if (endpoints === undefined) return { circuitBreaker: whole }
  return { circuitBreakers: keyed((id) => make(String(id)), { name: 'breaker' }) }
}
