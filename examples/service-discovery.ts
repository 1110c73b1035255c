// Services that find each other, whatever the registry, and proof that they do: what is printed is asserted.
//
//   pnpm example service-discovery                                             the registry embedded in this process
//   pnpm example service-discovery --registry consul [--host HOST] [--port PORT]     or etcd, or redis

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Call, ConfigurationError, constantBackoff, pipeline, retry, timeout } from '@comm/core'
import { type Instance, LoadBalancer, pick, roundRobin } from '@comm/core/balancing'
import { type InstanceOptions, type Registry, ServiceDiscovery } from '@comm/discovery'
import { ConsulRegistry } from '@comm/discovery/consul'
import { EtcdRegistry } from '@comm/discovery/etcd'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { RedisRegistry } from '@comm/discovery/redis'

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: {
    registry: { type: 'string', default: 'memory' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string' },
  },
})
const at = { host: values.host, ...(values.port === undefined ? {} : { port: Number(values.port) }) }
const embedded = new MemoryRegistryServer()
const registries: Readonly<Record<string, () => Registry>> = {
  memory: () => new MemoryRegistry({ server: embedded }),
  consul: () => new ConsulRegistry(at),
  etcd: () => new EtcdRegistry(at),
  redis: () => new RedisRegistry({ connection: at }),
}
const open = registries[values.registry]
if (open === undefined) {
  throw new ConfigurationError(`--registry is one of ${Object.keys(registries).join(', ')}, not ${values.registry}`)
}

const TTL_MS = 3000
/** Each side has a connection of its own, as it would in a process of its own. */
const services = new ServiceDiscovery({ registry: open(), ttlMs: TTL_MS })
const callers = new ServiceDiscovery({ registry: open(), ttlMs: TTL_MS })
const orders = `orders-${process.pid}`

/** An instance of the service: an HTTP server that tells its name. */
async function serve(name: string): Promise<{ readonly name: string; readonly port: number; stop(): void }> {
  const server = createServer((_, response) => void response.end(name))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { name, port, stop: () => void server.close() }
}

const servers = await Promise.all(['a', 'b', 'c', 'd'].map(serve))
const announce = (nth: number, more: Partial<InstanceOptions> = {}) => {
  const { name, port } = servers[nth] as (typeof servers)[number]
  return services.register({ service: orders, id: name, host: '127.0.0.1', port, ...more })
}

const resolver = callers.resolver(orders)
const balancer = new LoadBalancer({ name: orders, instances: resolver, strategy: roundRobin() })
const calls = pipeline([retry({ maxRetries: 2, backoff: constantBackoff({ baseMs: 5 }) }), pick(balancer), timeout({ ms: 2000 })])

async function fetchName(_: undefined, { target, signal }: Call): Promise<string> {
  const { host, port } = target as Instance
  return (await fetch(`http://${host}:${port}/`, { signal, headers: { connection: 'close' } })).text()
}

/** The names of those that answered so many calls, none of which failed. */
async function answered(count = 12): Promise<string> {
  const names: string[] = []
  for (let call = 0; call < count; call++) names.push(await calls.run(fetchName, undefined))
  return [...new Set(names)].sort().join('')
}

async function until(wanted: string, limitMs: number): Promise<number> {
  const startedAt = performance.now()
  while ((await answered()) !== wanted) {
    assert(performance.now() - startedAt < limitMs, `${wanted} answer within ${limitMs} ms`)
    await wait(20)
  }
  return performance.now() - startedAt
}

function show(what: string, said: string): void {
  console.log(`✓ ${what}: ${said}`)
}

try {
  const a = await announce(0, { version: '1.4.2', zone: 'eu-1', tags: ['stable'] })
  await announce(1, { version: '1.5.0', zone: 'eu-2', tags: ['canary'] })
  assert.equal(await answered(), 'ab')
  show(
    'Register and find',
    `two instances of ${orders.replace(/-\d+$/, '')} answer, each found by its heartbeat in ${services.registry.system}`,
  )

  const versions = async (filter: object): Promise<string> =>
    (await callers.resolve(orders, filter)).map(({ version }) => version).join()
  assert.equal(await versions({ version: '1.4' }), '1.4.2')
  assert.equal(await versions({ tags: ['canary'] }), '1.5.0')
  assert.equal(await versions({ zone: 'eu-3' }), '')
  show('Filter', 'by version, tag and zone')

  await announce(2)
  await until('abc', 2000)
  show('Scale out', 'a third instance has its share within two seconds')

  await a.deregister()
  await until('bc', 30_000)
  show('Scale in', 'one that says goodbye is called no more')

  // Registered by hand, without a heartbeat: as if its process had been killed at once.
  const dead = { instance: { service: orders, id: 'd', host: '127.0.0.1', port: servers[3]?.port ?? 0 }, ttlMs: TTL_MS }
  await services.registry.register(dead, AbortSignal.timeout(30_000))
  await until('bcd', TTL_MS)
  servers[3]?.stop()
  const goneAfterMs = await (async () => {
    const startedAt = performance.now()
    while (resolver.instances.some(({ id }) => id === 'd')) {
      await answered(3)
      assert(performance.now() - startedAt < TTL_MS + 1000, 'it is gone a second after its time to live')
      await wait(20)
    }
    return performance.now() - startedAt
  })()
  assert(goneAfterMs < TTL_MS + 1000)
  show('A death', 'an instance whose heart has stopped is gone after its time to live; no call failed meanwhile')

  if (values.registry === 'memory') {
    embedded.stop()
    assert.equal(await answered(), 'bc')
    assert.equal(resolver.isStale, true)
    assert.equal((await callers.health()).status, 'degraded')
    embedded.start({ forget: true })
    await until('bc', 30_000)
    const startedAt = performance.now()
    while (resolver.isStale) {
      assert(performance.now() - startedAt < 30_000, 'it is fresh again')
      await answered(1)
      await wait(20)
    }
    show(
      'An outage',
      'the last known instances are called while the registry is away; it forgot everything, and knows everybody again',
    )
  }
  console.log('service-discovery: ok')
} finally {
  balancer.close()
  await callers.close()
  await services.close()
  for (const server of servers) server.stop()
}
