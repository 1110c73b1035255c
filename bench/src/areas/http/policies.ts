import {
  bulkhead,
  CountBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  type IPolicy,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel'
import { CONNECTIONS, type Demand, TIMEOUT_MS } from './demand.ts'

/** cockatiel's counterparts of what is on by default in `@comm/http`; a POST is not tried again there either. It has no rate limit. */
export function cockatiel({ method }: Demand): IPolicy {
  return wrap(
    retry(handleAll, { maxAttempts: method === 'POST' ? 0 : 3, backoff: new ExponentialBackoff() }),
    circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new CountBreaker({ threshold: 0.5, size: 100 }) }),
    timeout(TIMEOUT_MS, TimeoutStrategy.Aggressive),
    bulkhead(CONNECTIONS, 1000),
  )
}
