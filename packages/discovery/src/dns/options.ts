import { type Clock, hostAndPort, hostName, systemClock } from '@comm/core'
import { arrayOf, callable, checkArgument, checkOptions, number, oneOf, withDefaults, withMethods } from '@comm/core/options'

export interface DnsOptions {
  /**
   * `srv`: SRV records say host, port and weight of each instance, and of the priorities only the lowest number is listed (RFC 2782).
   * `address`: A and AAAA records say the hosts; the port is `port`. @default 'srv'
   */
  readonly records?: 'srv' | 'address'
  /** Of the instances behind address records. Needed there, refused for SRV records. */
  readonly port?: number
  /** After the name of each service. @default none: the search domain is not used, names are whole */
  readonly domain?: string
  /** The name that is asked for. @default `_orders._tcp.domain` for SRV records, `orders.domain` for addresses */
  readonly nameOf?: (service: string) => string
  /** Addresses of both families, or of one. @default 'both' */
  readonly family?: 'both' | 4 | 6
  /** Servers to ask, each `address` or `address:port`. @default those of the system */
  readonly servers?: readonly string[]
  /** A list is asked for again when the time to live of its addresses is over, but at the latest after so long. @default 30000 */
  readonly refreshMs?: number
  /** … and at the earliest after so long. @default 1000 */
  readonly minRefreshMs?: number
  /** How long one try to ask may take. @default 2000 */
  readonly timeoutMs?: number
  /** How often each server is tried. @default 2 */
  readonly tries?: number
  /** @default systemClock */
  readonly clock?: Clock
}

type Defaulted = 'records' | 'family' | 'refreshMs' | 'minRefreshMs' | 'timeoutMs' | 'tries' | 'clock'

export const DNS_DEFAULTS: Readonly<Required<Pick<DnsOptions, Defaulted>>> = Object.freeze({
  records: 'srv',
  family: 'both',
  refreshMs: 30_000,
  minRefreshMs: 1000,
  timeoutMs: 2000,
  tries: 2,
  clock: systemClock,
})

export type ResolvedDns = DnsOptions & Required<Pick<DnsOptions, Defaulted | 'nameOf'>>

/** @throws ConfigurationError */
export function resolveDns(options: DnsOptions): ResolvedDns {
  const duration = number({ above: 0 })
  checkOptions<DnsOptions>('DnsRegistry', options, {
    records: oneOf('srv', 'address'),
    port: number({ min: 1, max: 65_535, integer: true }),
    domain: hostName,
    nameOf: callable,
    family: oneOf('both', 4, 6),
    servers: arrayOf(hostAndPort),
    refreshMs: duration,
    minRefreshMs: duration,
    timeoutMs: duration,
    tries: number({ min: 1, integer: true }),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  const resolved = withDefaults<DnsOptions, Defaulted>(DNS_DEFAULTS, options)
  const { records, domain, port } = resolved
  checkArgument('DnsRegistry.port', port, {
    expected:
      records === 'srv' ? 'left out: SRV records say the port' : 'the port of the instances, which address records do not say',
    accepts: (value) => (value === undefined) === (records === 'srv'),
  })
  const suffix = domain === undefined ? '' : `.${domain}`
  const nameOf = (service: string): string => (records === 'srv' ? `_${service}._tcp${suffix}` : `${service}${suffix}`)
  return Object.freeze({ nameOf, ...resolved })
}
