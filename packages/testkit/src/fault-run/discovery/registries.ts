import { type Registry, ServiceDiscovery } from '@comm/discovery'
import { ownProcessSources, startConsul, startEtcd, startRedis, type TestServer } from '../../servers/index.ts'
import { type FaultRegistry, HEARTBEAT_MS, TTL_MS } from './options.ts'

export interface RegistryAddress {
  readonly registry: FaultRegistry
  readonly host: string
  readonly port: number
}

/** What notices a registry that is gone without a word is quicker than a time to live, as it is by default. */
const REQUEST_TIMEOUT_MS = 1500
const QUIET_MS = 1000

interface Kind {
  start(): Promise<TestServer>
  open(address: RegistryAddress): Promise<Registry>
}

/** Packages are loaded only for the registry that is asked for. */
const KINDS: Readonly<Record<FaultRegistry, Kind>> = {
  consul: {
    start: () => startConsul({ sources: ownProcessSources() }),
    async open({ host, port }) {
      const { ConsulRegistry } = await import('@comm/discovery/consul')
      return new ConsulRegistry({ host, port, waitMs: QUIET_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS })
    },
  },
  etcd: {
    start: () => startEtcd({ sources: ownProcessSources() }),
    async open({ host, port }) {
      const { EtcdRegistry } = await import('@comm/discovery/etcd')
      return new EtcdRegistry({ host, port, idleMs: QUIET_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS })
    },
  },
  redis: {
    start: () => startRedis({ sources: ownProcessSources() }),
    async open({ host, port }) {
      const { RedisRegistry } = await import('@comm/discovery/redis')
      const connection = { host, port, heartbeatMs: QUIET_MS, connectionTimeoutMs: REQUEST_TIMEOUT_MS }
      return new RedisRegistry({ connection, pollMs: 200, requestTimeoutMs: REQUEST_TIMEOUT_MS })
    },
  },
}

export function startRegistry(registry: FaultRegistry): Promise<TestServer> {
  return KINDS[registry].start()
}

export function openRegistry(address: RegistryAddress): Promise<Registry> {
  return KINDS[address.registry].open(address)
}

export async function openDiscovery(address: RegistryAddress): Promise<ServiceDiscovery> {
  const registry = await openRegistry(address)
  return new ServiceDiscovery({ registry, ttlMs: TTL_MS, heartbeatMs: HEARTBEAT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS })
}
