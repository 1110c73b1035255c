import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommunicationConfig, type ServiceDiscoveryConfig, serviceDiscoveryConfig } from '@comm/config'
import { silentLogger } from '@comm/core'
import { CommunicationManager } from '@comm/manager'
import { describe, expect, it } from '@jest/globals'
import { REGISTRIES, saidOf } from '../src/discovery-options.ts'

const logger = silentLogger

describe('manager.discovery', () => {
  it('registers and finds, is asked for its health, and deregisters when the manager stops', async () => {
    const manager = new CommunicationManager(CommunicationConfig.from({ serviceDiscovery: { type: 'memory' } }), { logger })
    await manager.initialize()
    await manager.discovery.register({ service: 'orders', host: '10.0.0.1', port: 80 })
    expect(await manager.discovery.resolve('orders')).toMatchObject([{ id: '10.0.0.1:80' }])
    const source = await manager.discovery.warm('orders')
    expect(source.instances).toHaveLength(1)
    expect((await manager.healthCheck()).components['discovery']).toMatchObject({ status: 'up' })
    expect((await manager.shutdown()).problems).toEqual([])
    await expect(manager.discovery.resolve('orders')).rejects.toMatchObject({ code: 'COMM_CLOSED' })
  })

  it('works without initialize(), as the configuration says', async () => {
    const serviceDiscovery = { type: 'static', services: { orders: ['http://10.0.0.1:8080', 'http://10.0.0.2:8080'] } } as const
    await using manager = new CommunicationManager(CommunicationConfig.from({ serviceDiscovery }), { logger })
    expect((await manager.discovery.resolve('orders')).map(({ id }) => id)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080'])
  })

  it('finds the services of HTTP clients: service:// as their base URL, or as the URL of a request', async () => {
    const asked: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      asked.push(url)
      response.end('here')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const settings = {
      serviceDiscovery: { type: 'static', services: { orders: [address] } },
      httpClients: { orders: { baseUrl: 'service://orders/v1' }, plain: { baseUrl: address } },
    } as const
    const manager = new CommunicationManager(CommunicationConfig.from(settings), { logger })
    try {
      expect((await manager.httpClient('orders').get('/7')).status).toBe(200)
      await manager.http.get('service://orders/8')
      await manager.httpClient('plain').get('/9')
      expect(asked).toEqual(['/v1/7', '/8', '/9'])
      await manager.initialize()
      expect((await manager.healthCheck()).isHealthy).toBe(true)
    } finally {
      expect((await manager.shutdown()).problems).toEqual([])
      server.close()
    }
  })

  it.each([
    [{ httpClient: { baseUrl: 'service://orders/v1' } }, 'httpClient.baseUrl'],
    [{ httpClients: { orders: { baseUrl: 'service://orders/v1' } } }, 'httpClients.orders.baseUrl'],
  ])('says that nobody finds the service: %j', async (settings, key) => {
    const manager = new CommunicationManager(CommunicationConfig.from(settings), { logger })
    await expect(manager.initialize()).rejects.toThrow(
      `${key} must be an http:// or https:// URL where there is no component \`discovery\` that finds services, got 'service://orders/v1'`,
    )
  })

  it('finds the service of a gRPC client that has no address', async () => {
    const settings = {
      serviceDiscovery: { type: 'static', services: { orders: ['http://10.0.0.1:1'] } },
      grpcClient: { service: 'orders' },
    } as const
    await using manager = new CommunicationManager(CommunicationConfig.from(settings), { logger })
    await manager.initialize()
    expect(Object.keys((await manager.healthCheck()).components)).toEqual(['discovery', 'grpc'])
  })

  it('is not built where nobody asks for it', async () => {
    await using manager = new CommunicationManager(CommunicationConfig.from({}), { logger })
    await manager.initialize()
    expect(Object.keys((await manager.healthCheck()).components)).toEqual([])
  })

  it('refuses a setting that the registry does not have', async () => {
    const serviceDiscovery = { type: 'consul', username: 'me' } as const
    await using manager = new CommunicationManager(CommunicationConfig.from({ serviceDiscovery }), { logger })
    await expect(manager.discovery.resolve('orders')).rejects.toThrow(/^ConsulRegistry\.username is an unknown option/)
  })
})

describe('what a registry is built with', () => {
  const ssl = { enabled: true, caFile: '/ca.pem' }
  it.each<[ServiceDiscoveryConfig['type'], object, object]>([
    ['memory', {}, {}],
    ['static', {}, { services: {} }],
    [
      'consul',
      { host: 'consul', port: 8501, token: 't', ssl, datacenter: 'eu' },
      { host: 'consul', port: 8501, token: 't', ssl, datacenter: 'eu' },
    ],
    [
      'etcd',
      { host: 'etcd', username: 'me', password: 'p', namespace: '/x/' },
      { host: 'etcd', username: 'me', password: 'p', keyPrefix: '/x/' },
    ],
    ['kubernetes', {}, {}],
    [
      'kubernetes',
      { host: 'kube', port: 6443, token: 't', namespace: 'shop' },
      { server: 'https://kube:6443', token: 't', namespace: 'shop' },
    ],
    [
      'dns',
      { host: '::1', namespace: 'svc.local', refreshIntervalMs: 5000 },
      { servers: ['[::1]:53'], domain: 'svc.local', refreshMs: 5000 },
    ],
    [
      'redis',
      { host: 'redis', password: 'p', namespace: 'x:', refreshIntervalMs: 200 },
      { connection: { host: 'redis', password: 'p' }, keyPrefix: 'x:', pollMs: 200 },
    ],
  ])('%s %j', (type, given, expected) => {
    const said = saidOf(serviceDiscoveryConfig({ type, ...given }))
    expect(REGISTRIES[type].options(said)).toEqual(expected)
  })
})
