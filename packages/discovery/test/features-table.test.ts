import { readFileSync } from 'node:fs'
import type { Registry } from '@comm/discovery'
import { ConsulRegistry } from '@comm/discovery/consul'
import { DnsRegistry } from '@comm/discovery/dns'
import { EtcdRegistry } from '@comm/discovery/etcd'
import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { MemoryRegistry } from '@comm/discovery/memory'
import { RedisRegistry } from '@comm/discovery/redis'
import { StaticRegistry } from '@comm/discovery/static'
import { expect, it } from '@jest/globals'

const REGISTRIES: readonly (readonly [string, string, Registry])[] = [
  ['memory', 'memory', new MemoryRegistry()],
  ['a list', 'static', new StaticRegistry({ services: {} })],
  ['Consul', 'consul', new ConsulRegistry()],
  ['etcd', 'etcd', new EtcdRegistry()],
  ['Kubernetes', 'kubernetes', new KubernetesRegistry()],
  ['DNS, SRV records', 'dns', new DnsRegistry()],
  ['DNS, addresses', 'dns', new DnsRegistry({ records: 'address', port: 80 })],
  ['Redis', 'redis', new RedisRegistry()],
]

const yes = (is: boolean): string => (is ? 'yes' : 'no')

it('the documentation states the features that the registries declare', () => {
  const rows = REGISTRIES.map(([name, path, { features }]) => {
    const { registers, watches, expires, durable, keeps, leastTtlMs } = features
    const least = leastTtlMs === undefined ? '' : `, from \`ttlMs\` ${leastTtlMs}`
    const told = watches === 'push' ? 'is told' : 'asks'
    const cells = [
      name,
      `\`@comm/discovery/${path}\``,
      yes(registers),
      told,
      `${yes(expires)}${least}`,
      yes(durable),
      keeps.join(', ') || '–',
    ]
    return `| ${cells.join(' | ')} |`
  })
  const text = readFileSync(new URL('../../../docs/service-discovery.md', import.meta.url), 'utf8')
  const stated = /<!-- features: [^\n]*-->\n(.*?)<!-- end of the features -->/s.exec(text)?.[1]
  expect(stated?.trim().split('\n').slice(2)).toEqual(rows)
})
