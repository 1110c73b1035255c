import { isDeepStrictEqual } from 'node:util'
import type { ServiceDiscoveryConfig } from '@comm/config'
import { describeEndpoint } from '@comm/core'

type Options = Readonly<Record<string, unknown>>

interface RegistryClass {
  readonly module: string
  readonly export: string
  /** A package that it needs beside `@comm/discovery`. */
  readonly needs?: string
  readonly options: (config: Said) => Options
}

/** What somebody set: the section is one for all registries, and each refuses what it does not know. */
type Said = Partial<Omit<ServiceDiscoveryConfig, 'type'>>

/** What says nothing. */
const SAYS_NOTHING: Said = { host: 'localhost', ssl: { enabled: false }, refreshIntervalMs: 30_000, services: {} }

export const REGISTRIES: Readonly<Record<ServiceDiscoveryConfig['type'], RegistryClass>> = {
  memory: { module: '@comm/discovery/memory', export: 'MemoryRegistry', options: pushed },
  static: { module: '@comm/discovery/static', export: 'StaticRegistry', options: (said) => ({ services: {}, ...pushed(said) }) },
  consul: { module: '@comm/discovery/consul', export: 'ConsulRegistry', options: pushed },
  etcd: {
    module: '@comm/discovery/etcd',
    export: 'EtcdRegistry',
    options: (said) => renamed(pushed(said), { namespace: 'keyPrefix' }),
  },
  kubernetes: { module: '@comm/discovery/kubernetes', export: 'KubernetesRegistry', options: kubernetes },
  dns: { module: '@comm/discovery/dns', export: 'DnsRegistry', options: dns },
  redis: { module: '@comm/discovery/redis', export: 'RedisRegistry', needs: '@comm/redis-stores', options: redis },
}

export function saidOf({ type: _, ...section }: ServiceDiscoveryConfig): Said {
  const nothing: Options = SAYS_NOTHING
  const said = Object.entries(section).filter(([name, value]) => value !== undefined && !isDeepStrictEqual(value, nothing[name]))
  return Object.fromEntries(said)
}

/** Changes are pushed: nothing is refreshed. */
function pushed({ refreshIntervalMs: _, ...said }: Said): Options {
  return said
}

/** The server's address, where it is said: else the pod or the kubeconfig knows it. */
function kubernetes({ host, port = 443, ...said }: Said): Options {
  return { ...(host === undefined ? {} : { server: `https://${describeEndpoint({ host, port })}` }), ...pushed(said) }
}

/** `host` is the server to ask, `namespace` the domain. */
function dns({ host, port = 53, ...said }: Said): Options {
  const servers = host === undefined ? {} : { servers: [describeEndpoint({ host, port })] }
  return { ...servers, ...renamed(said, { namespace: 'domain', refreshIntervalMs: 'refreshMs' }) }
}

function redis({ namespace, refreshIntervalMs: pollMs, ...connection }: Said): Options {
  return { connection, ...(namespace === undefined ? {} : { keyPrefix: namespace }), ...(pollMs === undefined ? {} : { pollMs }) }
}

function renamed(options: Options, names: Readonly<Record<string, string>>): Options {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [names[name] ?? name, value]))
}
