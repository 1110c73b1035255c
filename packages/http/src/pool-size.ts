import { checkOptions, number, required } from '@comm/core/options'

export interface PoolSizeOptions {
  /** The most requests that begin in a second. */
  readonly requestsPerSecond: number
  /** How long one holds its connection on average, in milliseconds: until the last byte of its answer. */
  readonly latencyMs: number
  /** Room for bursts and slow spells, as a share of what is busy on average. @default 0.5 */
  readonly headroom?: number
  /** Over how many instances the requests are spread: `maxConnections` counts for each. @default 1 */
  readonly instances?: number
}

/**
 * How many connections carry a load without requests waiting for one: Little's law (J. D. C. Little, 1961), L = λW, the number of requests
 * under way is their rate times their duration; with some headroom.
 * @returns for `maxConnections`; at least 1
 * @throws ConfigurationError
 */
export function poolSize(options: PoolSizeOptions): number {
  checkOptions<PoolSizeOptions>('poolSize', options, {
    requestsPerSecond: required(number({ above: 0 })),
    latencyMs: required(number({ above: 0 })),
    headroom: number({ min: 0 }),
    instances: number({ min: 1, integer: true }),
  })
  const { requestsPerSecond, latencyMs, headroom = 0.5, instances = 1 } = options
  const underWay = (requestsPerSecond * latencyMs) / 1000
  // Binary fractions: 0.1 * 3 must not make one connection more.
  return Math.max(1, Math.ceil(Number(((underWay * (1 + headroom)) / instances).toPrecision(12))))
}
