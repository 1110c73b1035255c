import type { ServiceInstance } from '@comm/discovery'
import { DnsRegistry } from '@comm/discovery/dns'
import { registryContract } from '@comm/testkit'
import { DNS_TEST_ZONE, startDnsmasq } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import { report } from '../support/support-table.ts'

const dns = await startDnsmasq()
afterAll(() => dns.close())

const options = { domain: DNS_TEST_ZONE, servers: [`${dns.host}:${dns.port}`], refreshMs: 100, minRefreshMs: 50 }
const outage = { begin: () => dns.kill(), end: () => dns.restart() }
const services = new Map<string, readonly ServiceInstance[]>()
const target = (host: string): string => `host-${host.replaceAll('.', '-')}.${DNS_TEST_ZONE}`

function put(lines: (service: string, instance: ServiceInstance) => readonly string[]) {
  return (service: string, instances: readonly ServiceInstance[]) => {
    services.set(service, instances)
    const all = [...services].flatMap(([name, each]) => each.flatMap((instance) => lines(name, instance)))
    return dns.setRecords([...new Set(all)])
  }
}

registryContract(
  { describe, it, afterAll },
  {
    name: 'DNS (SRV)',
    report,
    features: new DnsRegistry().features,
    createRegistry: () => new DnsRegistry(options),
    put: put((service, { host, port, weight = 0 }) => [
      `host-record=${target(host)},${host}`,
      `srv-host=_${service}._tcp.${DNS_TEST_ZONE},${target(host)},${port},0,${weight}`,
    ]),
    putInterrupts: true,
    outage,
  },
)

describe('DNS', () => {
  it('lists of SRV records those of the lowest priority, by weight, each address of a target as an instance', async () => {
    await dns.setRecords([
      `srv-host=_orders._tcp.${DNS_TEST_ZONE},a.${DNS_TEST_ZONE},80,1,3`,
      `srv-host=_orders._tcp.${DNS_TEST_ZONE},b.${DNS_TEST_ZONE},81,1,0`,
      `srv-host=_orders._tcp.${DNS_TEST_ZONE},c.${DNS_TEST_ZONE},82,2,9`,
      `host-record=a.${DNS_TEST_ZONE},10.0.0.1`,
      `host-record=a.${DNS_TEST_ZONE},10.0.0.2`,
      `host-record=b.${DNS_TEST_ZONE},10.0.0.3,fd00::3`,
      `host-record=c.${DNS_TEST_ZONE},10.0.0.4`,
    ])
    await using registry = new DnsRegistry(options)
    const found = await registry.resolve('orders', new AbortController().signal)
    expect(found.map(({ id, weight, metadata }) => [id, weight, metadata?.['hostname']]).sort()).toEqual([
      ['10.0.0.1:80', 3, `a.${DNS_TEST_ZONE}`],
      ['10.0.0.2:80', 3, `a.${DNS_TEST_ZONE}`],
      ['10.0.0.3:81', 0.1, `b.${DNS_TEST_ZONE}`],
      ['[fd00::3]:81', 0.1, `b.${DNS_TEST_ZONE}`],
    ])
  })

  it('lists nobody where a record says that the service is not there (RFC 2782)', async () => {
    await dns.setRecords([`srv-host=_gone._tcp.${DNS_TEST_ZONE}`])
    await using registry = new DnsRegistry(options)
    expect(await registry.resolve('gone', new AbortController().signal)).toEqual([])
  })

  it('lists the addresses of a name, of both families or of one, at the port that it is told', async () => {
    await dns.setRecords([`host-record=orders.${DNS_TEST_ZONE},10.0.0.1`, `host-record=orders.${DNS_TEST_ZONE},10.0.0.2,fd00::2`])
    const ids = async (family: 'both' | 4 | 6): Promise<readonly string[]> => {
      await using registry = new DnsRegistry({ ...options, records: 'address', port: 8080, family })
      return (await registry.resolve('orders', new AbortController().signal)).map(({ id }) => id).sort()
    }
    expect(await ids('both')).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '[fd00::2]:8080'])
    expect(await ids(4)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
    expect(await ids(6)).toEqual(['[fd00::2]:8080'])
  })
})
