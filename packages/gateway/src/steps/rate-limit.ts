import { type Clock, MemoryRateLimitStore, type RateLimitAnswer, RateLimitedError, type RateLimitStore } from '@comm/core'
import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { GatewayRequest } from '../exchange/gateway-request.ts'
import type { RouteStep } from './step.ts'

/** What a limit is counted by. */
export type RateLimitKey = 'address' | 'principal' | 'route' | { readonly header: string } | ((request: GatewayRequest) => string)

export interface RateLimitConfig {
  /** Requests per second in the long run. */
  readonly perSecond: number
  /** Requests that may come at once after a pause. @default perSecond, at least 1 */
  readonly burst?: number
  /** @default 'address' */
  readonly key?: RateLimitKey
  /** Shared between gateways: `RedisRateLimitStore` of `@comm/redis-stores`. @default in memory */
  readonly store?: RateLimitStore
}

/**
 * A token bucket per key. Answers say how much is left, by `RateLimit` and `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-10); 429 says when to come again.
 */
export function rateLimitStep(route: string, config: RateLimitConfig, clock: Clock): RouteStep {
  const { perSecond, key = 'address', store = new MemoryRateLimitStore({ clock }) } = config
  const capacity = config.burst ?? Math.max(1, Math.floor(perSecond))
  const bucket = Object.freeze({ capacity, perSecond })
  const policy = `"default";q=${capacity};w=${Math.max(1, Math.ceil(capacity / perSecond))}`
  const keyOf = keyOfFor(key)

  const judge = (exchange: ClientExchange, { allowed, remaining, retryAfterMs }: RateLimitAnswer): boolean => {
    const resetS = allowed ? Math.ceil((capacity - remaining) / perSecond) : Math.ceil(retryAfterMs / 1000)
    exchange.extra.push('ratelimit-policy', policy, 'ratelimit', `"default";r=${remaining};t=${resetS}`)
    if (allowed) return false
    throw new RateLimitedError(`the rate limit of ${route} refused a request`, { details: { route, retryAfterMs } })
  }

  return {
    name: 'rateLimit',
    enter(exchange: ClientExchange): boolean | Promise<boolean> {
      const answer = store.take(`${route}|${keyOf(exchange)}`, 1, bucket)
      return answer instanceof Promise ? answer.then((late) => judge(exchange, late)) : judge(exchange, answer)
    },
  }
}

function keyOfFor(key: RateLimitKey): (request: GatewayRequest) => string {
  if (typeof key === 'function') return key
  if (typeof key === 'object') {
    const name = key.header.toLowerCase()
    return (exchange) => exchange.header(name) ?? ''
  }
  if (key === 'route') return () => ''
  if (key === 'principal') return (exchange) => exchange.principal?.subject ?? `address ${exchange.clientAddress}`
  return (exchange) => exchange.clientAddress
}
