import { ConfigurationError } from '@comm/core'
import { type InstanceFilter, type InstanceOptions, ServiceDiscovery, type ServiceDiscoveryOptions } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'
import { StaticRegistry } from '@comm/discovery/static'
import { describe, expect, it } from '@jest/globals'

const NAME = "a service's name: letters, digits, '.', '_' and '-', beginning and ending with a letter or digit, at most 200"

describe('new ServiceDiscovery(options)', () => {
  it.each([
    [
      {},
      'ServiceDiscovery.registry must be a Registry (with register(), renew(), deregister(), resolve(), watch(), health()), got nothing',
    ],
    [{ ttlMs: 0 }, 'ServiceDiscovery.ttlMs must be a finite number > 0, got 0'],
    [
      { ttlMs: 1000, heartbeatMs: 500 },
      'ServiceDiscovery.heartbeatMs must be less than half of ttlMs (1000), so that one may be missed, got 500',
    ],
    [{ coalesceMs: -1 }, 'ServiceDiscovery.coalesceMs must be a finite number >= 0, got -1'],
  ])('%j', (options, message) => {
    const registry = Object.keys(options).length === 0 ? {} : { registry: new MemoryRegistry() }
    expect(() => new ServiceDiscovery({ ...registry, ...options } as ServiceDiscoveryOptions)).toThrow(
      new ConfigurationError(message),
    )
  })
})

describe('register(instance)', () => {
  it.each([
    [{ service: 'orders/eu', host: 'a', port: 1 }, `instance.service must be ${NAME}, got 'orders/eu'`],
    [{ service: 'orders', host: 'a', port: 0 }, 'instance.port must be an integer >= 1 and <= 65535, got 0'],
    [
      { service: 'orders', host: 'http://a', port: 1 },
      "instance.host must be a host name or an address, without scheme, port and credentials, got 'http://a'",
    ],
    [{ service: 'orders', host: 'a', port: 1, weight: 0 }, 'instance.weight must be a finite number > 0, got 0'],
    [
      { service: 'orders', host: 'a', port: 1, metadata: { a: 1 } },
      'instance.metadata must be an object of strings, got an object with keys a',
    ],
  ])('%j', async (instance, message) => {
    await using discovery = new ServiceDiscovery({ registry: new MemoryRegistry() })
    await expect(discovery.register(instance as unknown as InstanceOptions)).rejects.toThrow(new ConfigurationError(message))
  })

  it('is refused where the registry is only read', async () => {
    await using discovery = new ServiceDiscovery({ registry: new StaticRegistry({ services: {} }) })
    await expect(discovery.register({ service: 'orders', host: 'a', port: 1 })).rejects.toMatchObject({
      code: 'COMM_UNSUPPORTED',
    })
  })
})

describe('resolver(service, filter)', () => {
  it.each([
    ['', {}, `service must be ${NAME}, got ''`],
    ['orders', { tags: 'canary' }, "filter.tags must be an array, each item a non-empty string, got 'canary'"],
    ['orders', { tag: 'canary' }, 'filter.tag is an unknown option, known are version, tags, zone, where'],
  ])('%j %j', async (service, filter, message) => {
    await using discovery = new ServiceDiscovery({ registry: new MemoryRegistry() })
    expect(() => discovery.resolver(service, filter as unknown as InstanceFilter)).toThrow(new ConfigurationError(message))
  })
})

describe('new StaticRegistry(options)', () => {
  it.each([
    [{ services: { orders: 'a:1' } }, "StaticRegistry.services.orders must be an array, got 'a:1'"],
    [
      { services: { orders: ['a'] } },
      "an instance of orders must be 'host:port', a URL with a host, or { host, port, … }, got 'a'",
    ],
    [
      { services: { orders: ['x://me:hunter2@a'] } },
      "an instance of orders must be 'host:port', a URL with a host, or { host, port, … }, got [redacted]",
    ],
    [{ services: { orders: [{ host: 'a', port: 0 }] } }, 'instance.port must be an integer >= 1 and <= 65535, got 0'],
  ])('%j', (options, message) => {
    expect(() => new StaticRegistry(options as never)).toThrow(new ConfigurationError(message))
  })

  it('takes addresses, URLs and whole instances', async () => {
    await using registry = new StaticRegistry({
      services: { orders: ['a:1', '[::1]:2', 'https://b/path', 'http://c:3', { host: 'd', port: 4, weight: 2, id: 'four' }] },
    })
    const found = await registry.resolve('orders', new AbortController().signal)
    expect(found.map(({ id, host, port }) => [id, host, port])).toEqual([
      ['a:1', 'a', 1],
      ['::1:2', '::1', 2],
      ['b:443', 'b', 443],
      ['c:3', 'c', 3],
      ['four', 'd', 4],
    ])
  })
})
