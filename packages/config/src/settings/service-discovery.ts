import type { Schema } from '../schema/setting.ts'
import { SSL, type SslConfig } from './ssl.ts'

export interface ServiceDiscoveryConfig {
  /** @default 'memory' */
  readonly type: 'consul' | 'etcd' | 'kubernetes' | 'dns' | 'redis' | 'static' | 'memory'
  /** @default 'localhost' */
  readonly host: string
  /** Absent: the usual one of the type. */
  readonly port?: number
  readonly username?: string
  readonly password?: string
  /** Consul ACL token, Kubernetes bearer token. */
  readonly token?: string
  readonly ssl: SslConfig
  /** Kubernetes namespace, key prefix in etcd and Redis, domain in DNS. */
  readonly namespace?: string
  /** Consul. */
  readonly datacenter?: string
  /** How old an answer may be before it is asked for again, where nothing can be watched. @default 30000 */
  readonly refreshIntervalMs: number
  /** For `static`: the addresses of each service. @default {} */
  readonly services: Readonly<Record<string, readonly string[]>>
}

export const SERVICE_DISCOVERY: Schema<ServiceDiscoveryConfig> = {
  type: {
    kind: 'choice',
    of: ['consul', 'etcd', 'kubernetes', 'dns', 'redis', 'static', 'memory'],
    default: 'memory',
    doc: 'Where services are looked up.',
  },
  host: { kind: 'text', default: 'localhost', doc: 'Name or address of the registry.' },
  port: { kind: 'number', min: 1, max: 65_535, integer: true, doc: 'Absent: the usual one of the type.' },
  username: { kind: 'text', doc: 'Who connects.' },
  password: { kind: 'text', secret: true, doc: 'Proves who connects.' },
  token: { kind: 'text', secret: true, doc: 'Consul ACL token, Kubernetes bearer token.' },
  ssl: SSL,
  namespace: { kind: 'text', doc: 'Kubernetes namespace, key prefix in etcd and Redis, domain in DNS.' },
  datacenter: { kind: 'text', doc: 'Consul: the datacenter that is asked.' },
  refreshIntervalMs: {
    kind: 'duration',
    min: 1,
    default: 30_000,
    doc: 'How old an answer may be before it is asked for again, where nothing can be watched.',
  },
  services: {
    kind: 'map',
    each: { kind: 'list', each: { kind: 'url' } },
    default: {},
    doc: 'For `static`: the addresses of each service.',
  },
}
