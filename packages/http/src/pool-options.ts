import { number, object, type Rules } from '@comm/core/options'
import { proxyRule } from './proxy/options.ts'
import type { PoolOptions, TransportOptions } from './transport.ts'

export const POOL_DEFAULTS: Readonly<Required<PoolOptions>> = Object.freeze({
  maxConnections: 100,
  maxKeepaliveConnections: 20,
  keepaliveExpiryMs: 30_000,
})

export const TRANSPORT_RULES: Rules<TransportOptions> = {
  maxConnections: number({ min: 1, integer: true, infinite: true }),
  maxKeepaliveConnections: number({ min: 0, integer: true, infinite: true }),
  keepaliveExpiryMs: number({ min: 1, max: 2_147_483_647, integer: true }),
  proxy: proxyRule,
  clock: { ...object, expected: 'a Clock' },
}
