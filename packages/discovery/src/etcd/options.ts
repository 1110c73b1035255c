import { type Clock, type Endpoint, hostAndPort, parseEndpoint, systemClock } from '@comm/core'
import { arrayOf, checkOptions, nonEmptyText, number, secret, withDefaults, withMethods } from '@comm/core/options'
import { checkTls } from '@comm/core/tls'
import { REGISTRY_SERVER_DEFAULTS, REGISTRY_SERVER_RULES, type RegistryServerOptions } from '../adapter/server-options.ts'

export interface EtcdOptions extends RegistryServerOptions {
  /** Members of a cluster, each `host` or `host:port`, in place of `host` and `port`: the next is asked when one does not answer. @default [] */
  readonly hosts?: readonly string[]
  readonly username?: string
  readonly password?: string
  /** Before every key, as `/comm/services/orders/10.0.0.5:8080`. @default '/comm/services/' */
  readonly keyPrefix?: string
  /** A watch that is silent for so long is opened anew, to see whether etcd is still there. @default 5000 */
  readonly idleMs?: number
  /** @default systemClock */
  readonly clock?: Clock
}

type Defaulted = 'host' | 'port' | 'hosts' | 'ssl' | 'requestTimeoutMs' | 'keyPrefix' | 'idleMs' | 'clock'

export const ETCD_DEFAULTS: Readonly<Required<Pick<EtcdOptions, Defaulted>>> = Object.freeze({
  ...REGISTRY_SERVER_DEFAULTS,
  port: 2379,
  hosts: Object.freeze([]),
  keyPrefix: '/comm/services/',
  idleMs: 5000,
  clock: systemClock,
})

export type ResolvedEtcd = EtcdOptions & Required<Pick<EtcdOptions, Defaulted>> & { readonly endpoints: readonly Endpoint[] }

/** @throws ConfigurationError */
export function resolveEtcd(options: EtcdOptions): ResolvedEtcd {
  checkOptions<EtcdOptions>('EtcdRegistry', options, {
    ...REGISTRY_SERVER_RULES,
    hosts: arrayOf(hostAndPort),
    username: nonEmptyText,
    password: secret(nonEmptyText),
    keyPrefix: nonEmptyText,
    idleMs: number({ min: 100 }),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  })
  const resolved = withDefaults<EtcdOptions, Defaulted>(ETCD_DEFAULTS, options)
  checkTls('EtcdRegistry.ssl', resolved.ssl)
  const { hosts, host, port } = resolved
  const endpoints = hosts.length === 0 ? [{ host, port }] : hosts.map((each) => parseEndpoint(each, port) as Endpoint)
  return Object.freeze({ ...resolved, endpoints })
}
