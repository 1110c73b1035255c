import { CommunicationError, ConnectionError, constantBackoff } from '@comm/core'
import { LoadBalancer } from '@comm/core/balancing'
import { type InstanceOptions, ServiceDiscovery, type ServiceDiscoveryOptions } from '@comm/discovery'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { TestClock } from '@comm/testkit'
import { afterEach, describe, expect, it } from '@jest/globals'

const one: InstanceOptions = {
  service: 'orders',
  host: '10.0.0.1',
  port: 80,
  version: '1.4.2',
  zone: 'a',
  tags: ['canary', 'http'],
}
const two: InstanceOptions = { service: 'orders', host: '10.0.0.2', port: 80, version: '1.10.0', zone: 'b', tags: ['http'] }

class Stage {
  readonly clock = new TestClock()
  readonly server = new MemoryRegistryServer({ clock: this.clock })
  readonly #open: ServiceDiscovery[] = []

  discovery(options: Partial<ServiceDiscoveryOptions> = {}): ServiceDiscovery {
    const discovery = new ServiceDiscovery({
      registry: new MemoryRegistry({ server: this.server }),
      clock: this.clock,
      backoff: constantBackoff({ baseMs: 1000, jitter: 0 }),
      random: () => 0.5,
      ...options,
    })
    this.#open.push(discovery)
    return discovery
  }

  async close(): Promise<void> {
    this.server.start()
    for (const discovery of this.#open) await discovery.close()
  }
}

let stage = new Stage()
afterEach(async () => {
  await stage.close()
  expect(stage.clock.pendingTimers).toBe(0)
  stage = new Stage()
})

const ids = (list: readonly { readonly id: string }[]): readonly string[] => list.map(({ id }) => id)

describe('ServiceResolver', () => {
  it('gives instances to a balancer, and follows while somebody uses it', async () => {
    const discovery = stage.discovery()
    await discovery.register(one)
    const resolver = discovery.resolver('orders')
    expect(resolver.instances).toEqual([])
    await using balancer = new LoadBalancer({ name: 'orders', instances: resolver })
    await resolver.ready()
    expect(balancer.acquire().instance).toMatchObject({ id: '10.0.0.1:80', zone: 'a', version: '1.4.2' })
    await discovery.register(two)
    await stage.clock.advance(100)
    expect(ids(balancer.instances.map(({ instance }) => instance))).toEqual(['10.0.0.1:80', '10.0.0.2:80'])
  })

  it('shares one watch among all users of a service, and ends it some time after the last', async () => {
    const registry = new MemoryRegistry({ server: stage.server })
    let running = 0
    const watch = registry.watch.bind(registry)
    registry.watch = (service) => {
      const own = watch(service)
      return {
        run(...parameters) {
          running++
          return own.run(...parameters).finally(() => running--)
        },
      }
    }
    const discovery = stage.discovery({ registry, lingerMs: 5000 })
    const resolvers = [discovery.resolver('orders'), discovery.resolver('orders', { zone: 'a' }), discovery.resolver('orders')]
    const stops = resolvers.map((resolver) => resolver.watch(() => undefined))
    await discovery.warm('orders')
    expect(running).toBe(1)
    for (const stop of stops) for (let time = 0; time < 2; time++) stop()
    await stage.clock.advance(4999)
    expect(running).toBe(1)
    const again = discovery.resolver('orders').watch(() => undefined)
    await stage.clock.advance(6000)
    expect(running).toBe(1)
    again()
    await stage.clock.advance(5000)
    expect(running).toBe(0)
    await discovery.register(one)
    expect(resolvers[0]?.instances).toEqual([])
    await resolvers[0]?.ready()
    expect(running).toBe(1)
    expect(resolvers[0]?.instances).toHaveLength(1)
  })

  it('filters by version, tags, zone and anything else, and is not told of what it does not show', async () => {
    const discovery = stage.discovery({ coalesceMs: 0 })
    await discovery.register(one)
    await discovery.register(two)
    const found = async (filter: object): Promise<readonly string[]> => ids(await discovery.resolve('orders', filter))
    expect(await found({ version: '1' })).toHaveLength(2)
    expect(await found({ version: '1.4' })).toEqual(['10.0.0.1:80'])
    expect(await found({ version: '1.1' })).toEqual([])
    expect(await found({ version: '1.10.0' })).toEqual(['10.0.0.2:80'])
    expect(await found({ tags: ['http'] })).toHaveLength(2)
    expect(await found({ tags: ['http', 'canary'], zone: 'a' })).toEqual(['10.0.0.1:80'])
    expect(await found({ where: ({ port }: { port: number }) => port !== 80 })).toEqual([])
    const resolver = await discovery.warm('orders', { zone: 'a' })
    let told = 0
    const stop = resolver.watch(() => told++)
    const other = await discovery.register({ ...two, port: 81 })
    expect(told).toBe(0)
    await discovery.register({ ...one, port: 81 })
    expect(told).toBe(1)
    await other.deregister()
    expect(told).toBe(1)
    stop()
  })

  it('tells of a burst of changes as of two, and of none that changes nothing', async () => {
    const discovery = stage.discovery({ coalesceMs: 100 })
    const resolver = await discovery.warm('orders')
    const seen: number[] = []
    const stop = resolver.watch(() => seen.push(resolver.instances.length))
    for (let port = 1; port <= 50; port++) await discovery.register({ ...one, port })
    expect(seen).toEqual([1])
    await stage.clock.advance(100)
    expect(seen).toEqual([1, 50])
    const list = resolver.instances
    await discovery.register({ ...one, port: 7 })
    await stage.clock.advance(200)
    expect(seen).toEqual([1, 50])
    expect(resolver.instances).toBe(list)
    stop()
  })

  it('waits for the first list as long as it is told, and says why there is none', async () => {
    stage.server.stop()
    const discovery = stage.discovery({ readyTimeoutMs: 3000 })
    const waiting = expect(discovery.resolver('orders').ready()).rejects.toMatchObject({
      code: 'COMM_SERVICE_UNAVAILABLE',
      message:
        'the instances of orders are not known: no list from the in-memory registry within 3000 ms (readyTimeoutMs); the last try failed: the in-memory registry is away: it was stopped, and start() brings it back',
    })
    await stage.clock.advance(3000)
    await waiting
    const resolver = discovery.resolver('orders')
    const ready = resolver.ready()
    stage.server.start()
    await stage.clock.advance(1000)
    await ready
    expect(resolver.isStale).toBe(false)
  })

  it('gives up waiting when its signal aborts, and at once where no try can help', async () => {
    const registry = new MemoryRegistry({ server: stage.server })
    const refused = new CommunicationError('no such token', { code: 'COMM_AUTHENTICATION' })
    registry.watch = () => ({ run: () => Promise.reject(refused) })
    await expect(stage.discovery({ registry }).resolver('orders').ready()).rejects.toBe(refused)
    stage.server.stop()
    const reason = new Error('no more')
    const abort = new AbortController()
    const waiting = expect(stage.discovery().resolver('orders').ready(abort.signal)).rejects.toBe(reason)
    abort.abort(reason)
    await waiting
  })
})

describe('while the registry is away', () => {
  it('the last known list stays, and is said to be stale until the registry is back', async () => {
    const discovery = stage.discovery({ readyTimeoutMs: 3000 })
    await discovery.register(one)
    const resolver = await discovery.warm('orders')
    const told: boolean[] = []
    const stop = resolver.watch(() => told.push(resolver.isStale))
    expect((await discovery.health()).status).toBe('up')
    stage.server.stop()
    await stage.clock.advance(60_000)
    expect(ids(resolver.instances)).toEqual(['10.0.0.1:80'])
    expect(await discovery.health()).toMatchObject({
      status: 'degraded',
      details: { services: { orders: { instances: 1, isStale: true } } },
    })
    expect(resolver.health().status).toBe('degraded')
    stage.server.start()
    await stage.clock.advance(1100)
    expect(told).toEqual([true, false])
    expect(resolver.health().status).toBe('up')
    stop()
  })

  it('what a registry that forgot everything does not list is kept until hearts have beaten again, and no longer', async () => {
    const [server, client] = [stage.discovery(), stage.discovery({ recoveryGraceMs: 10_000 })]
    const kept = await server.register(one)
    const dead = await server.register(two)
    const resolver = await client.warm('orders')
    let fewest = 2
    const stop = resolver.watch(() => {
      fewest = Math.min(fewest, resolver.instances.length)
    })
    stage.server.stop()
    await dead.deregister()
    await stage.clock.advance(30_000)
    stage.server.start({ forget: true })
    await stage.clock.advance(9000)
    expect(kept.isRegistered).toBe(true)
    expect(fewest).toBe(2)
    expect(resolver.isStale).toBe(true)
    await stage.clock.advance(3000)
    expect(ids(resolver.instances)).toEqual(['10.0.0.1:80'])
    expect(resolver.isStale).toBe(false)
    stop()
  })

  it('a list asked for once is refused, or is the last known where it is followed', async () => {
    const discovery = stage.discovery()
    stage.server.stop()
    await expect(discovery.resolve('orders')).rejects.toBeInstanceOf(ConnectionError)
    stage.server.start()
    await discovery.register(one)
    await discovery.warm('orders')
    stage.server.stop()
    expect(await discovery.resolve('orders')).toHaveLength(1)
  })
})

describe('register', () => {
  it('keeps an instance alive, and registers it anew within two heartbeats of a restart', async () => {
    const discovery = stage.discovery({ ttlMs: 3000, heartbeatMs: 1000 })
    const registration = await discovery.register(one)
    await stage.clock.advance(20_000)
    expect(stage.server.list('orders')).toHaveLength(1)
    stage.server.stop()
    await stage.clock.advance(30_000)
    expect(registration.isRegistered).toBe(true)
    expect((await discovery.health()).status).toBe('down')
    stage.server.start({ forget: true })
    await stage.clock.advance(2000)
    expect(stage.server.list('orders')).toEqual([registration.instance])
  })

  it('an instance whose process is gone is listed no more than its time to live', async () => {
    const discovery = stage.discovery({ ttlMs: 3000, heartbeatMs: 1000 })
    stage.server.put({ instance: { ...one, id: 'dead' } as never, ttlMs: 3000 })
    const resolver = await discovery.warm('orders')
    const stop = resolver.watch(() => undefined)
    await stage.clock.advance(2999)
    expect(resolver.instances).toHaveLength(1)
    await stage.clock.advance(1)
    expect(resolver.instances).toHaveLength(0)
    stop()
  })

  it('deregisters by hand, by disposal, and with the discovery; what it cannot tell the registry ends with its time to live', async () => {
    const discovery = stage.discovery()
    {
      await using registration = await discovery.register(one)
      expect(registration.isRegistered).toBe(true)
    }
    expect(stage.server.list('orders')).toEqual([])
    const registration = await discovery.register(one)
    await Promise.all([registration.deregister(), registration.deregister()])
    await discovery.register(one)
    await discovery.register(two)
    await discovery.stopIntake()
    expect(stage.server.list('orders')).toEqual([])
    const last = await discovery.register(one)
    stage.server.stop()
    await last.deregister()
    stage.server.start()
    expect(stage.server.list('orders')).toHaveLength(1)
    await stage.clock.advance(15_000)
    expect(stage.server.list('orders')).toEqual([])
  })

  it('waits for a registry that is away until its limit, or goes on in the background', async () => {
    stage.server.stop()
    const discovery = stage.discovery({ readyTimeoutMs: 3000 })
    const waiting = expect(discovery.register(one)).rejects.toBeInstanceOf(ConnectionError)
    await stage.clock.advance(3000)
    await waiting
    const registration = await discovery.register(one, { inBackground: true })
    expect(registration.isRegistered).toBe(false)
    stage.server.start()
    await stage.clock.advance(1000)
    expect(registration.isRegistered).toBe(true)
    expect(ids(stage.server.list('orders'))).toEqual(['10.0.0.1:80'])
  })

  it('leaves nothing behind when its signal aborts', async () => {
    stage.server.stop()
    const abort = new AbortController()
    const discovery = stage.discovery()
    const waiting = expect(discovery.register(one, { signal: abort.signal })).rejects.toThrow('no more')
    await stage.clock.advance(500)
    abort.abort(new Error('no more'))
    await waiting
    stage.server.start()
    await stage.clock.advance(60_000)
    expect(stage.server.list('orders')).toEqual([])
  })
})

it('is closed once, and refuses everything afterwards', async () => {
  const discovery = stage.discovery()
  const resolver = await discovery.warm('orders')
  await Promise.all([discovery.close(), discovery.close()])
  const isClosed = expect.objectContaining({ code: 'COMM_CLOSED' })
  await expect(discovery.register(one)).rejects.toEqual(isClosed)
  await expect(discovery.resolve('orders')).rejects.toEqual(isClosed)
  await expect(resolver.ready()).rejects.toEqual(isClosed)
  expect(() => discovery.resolver('orders')).toThrow(isClosed as never)
  expect((await discovery.health()).status).toBe('down')
})
