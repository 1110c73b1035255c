import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommunicationConfig } from '@comm/config'
import { ConfigurationError, silentLogger } from '@comm/core'
import { ServiceDiscovery } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'
import { httpServerComponent } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import { createMesh } from '@comm/mesh'
import { createAuthority } from '@comm/testkit/servers'
import { afterEach, describe, expect, it } from '@jest/globals'

const logger = silentLogger
const stack: (() => unknown)[] = []
afterEach(async () => {
  for (const end of stack.splice(0).reverse()) await end()
})

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stack.push(
    () => server.close(),
    () => server.closeAllConnections(),
  )
  return (server.address() as AddressInfo).port
}

function manage(settings: object): CommunicationManager {
  const manager = new CommunicationManager(CommunicationConfig.from(settings as never), { logger })
  stack.push(() => manager.shutdown())
  return manager
}

describe('manager.mesh', () => {
  it('registers the service, calls services by name, tells its health and deregisters at the end', async () => {
    const port = await serve((request, response) => void response.end(`orders ${request.url}`))
    const manager = manage({ serviceName: 'orders', mesh: { host: '127.0.0.1', port, zone: 'eu-1' } })
    await manager.initialize()
    expect(await manager.discovery.resolve('orders')).toMatchObject([{ port, zone: 'eu-1' }])
    expect((await manager.mesh.call('orders').get('/7')).text()).toBe('orders /7')
    expect((await manager.healthCheck()).components['mesh']).toMatchObject({ status: 'up' })
    expect((await manager.shutdown()).problems).toEqual([])
  })

  it('works without initialize(), by policies of each service, which change while it runs', async () => {
    let asked = 0
    const port = await serve((_, response) => {
      asked++
      response.writeHead(503).end()
    })
    const settings = (maxRetries: number): object => ({
      serviceName: 'carts',
      serviceDiscovery: { type: 'static', services: { stock: [`http://127.0.0.1:${port}`] } },
      meshServices: { stock: { retry: { maxRetries, baseDelayMs: 1 }, circuitBreaker: false } },
    })
    const manager = manage(settings(2))
    const stock = manager.mesh.call('stock')
    await expect(stock.get('/7')).rejects.toThrow()
    expect(asked).toBe(3)
    asked = 0
    const report = await manager.reload(CommunicationConfig.from(settings(0) as never))
    expect(report).toEqual({ applied: ['meshServices.stock.retry.maxRetries'], needsRestart: [] })
    await expect(stock.get('/7')).rejects.toThrow()
    expect(asked).toBe(1)
  })

  it('has policies for every other service, and spreads the calls of one over its versions, as the file says', async () => {
    let asked = 0
    const failing = await serve((_, response) => {
      asked++
      response.writeHead(503).end()
    })
    const [one, two] = [
      await serve((_, response) => void response.end('1')),
      await serve((_, response) => void response.end('2')),
    ]
    const stock = [
      { host: '127.0.0.1', port: one, version: '1.4.2' },
      { host: '127.0.0.1', port: two, version: '2.0.0' },
    ]
    const registry = new MemoryRegistry()
    const discovery = new ServiceDiscovery({ registry })
    for (const instance of stock) await discovery.register({ service: 'stock', ...instance })
    await discovery.register({ service: 'other', host: '127.0.0.1', port: failing })
    const folder = mkdtempSync(join(tmpdir(), 'manager-mesh-'))
    stack.push(
      () => rmSync(folder, { recursive: true }),
      () => discovery.close(),
    )
    const file = join(folder, 'config.yaml')
    const load = (split: string, maxRetries: number): CommunicationConfig => {
      writeFileSync(
        file,
        `communication:
  service_name: carts
  mesh_services:
    '*': { retry: { max_retries: ${maxRetries}, base_delay: 1ms }, circuit_breaker: false }
    stock: { traffic: { split: ${split}, sticky: x-session } }
`,
      )
      return CommunicationConfig.fromFile(file)
    }
    const manager = new CommunicationManager(load('{ 1: 100, 2: 0 }', 1), { logger, components: { discovery } })
    stack.push(() => manager.shutdown())
    const answers = async (): Promise<readonly string[]> => {
      const calls = Array.from({ length: 20 }, async (_, at) => {
        const answer = await manager.mesh.call('stock').get('/', { headers: { 'x-session': `s${at}` } })
        return answer.text()
      })
      return [...new Set(await Promise.all(calls))].sort()
    }
    expect(await answers()).toEqual(['1'])
    await expect(manager.mesh.call('other').get('/')).rejects.toThrow()
    expect(asked).toBe(2)

    const report = await manager.reload(load("{ 1: 0, '2.0': 1 }", 0))
    expect(report.needsRestart).toEqual([])
    expect(report.applied).toEqual(
      expect.arrayContaining(['meshServices.*.retry.maxRetries', 'meshServices.stock.traffic.split']),
    )
    expect(await answers()).toEqual(['2'])
    asked = 0
    await expect(manager.mesh.call('other').get('/')).rejects.toThrow()
    expect(asked).toBe(1)

    await expect(manager.reload(load('{ 1: 0 }', 0))).rejects.toThrow(/mesh\.traffic\.stock\.split must be/)
    expect(await answers()).toEqual(['2'])
    expect(() => load('{ 1: many }', 0)).toThrow(/mesh_?[sS]ervices\.stock\.traffic\.split must be/)
  })

  it('takes a mesh that is given, and makes the service known once the servers that are given listen', async () => {
    const mesh = createMesh({
      service: { name: 'orders', host: '127.0.0.1', port: () => Number(new URL(server.url).port) },
      discovery: new MemoryRegistry(),
    })
    const listener = mesh.createServer((request, response) => void response.end(`orders ${request.url}`))
    const server = httpServerComponent(listener, { port: 0, host: '127.0.0.1' })
    const config = CommunicationConfig.from({ serviceName: 'orders' })
    const manager = new CommunicationManager(config, { logger, components: { mesh, server } })
    stack.push(() => manager.shutdown())
    const orders = manager.mesh.call('orders')
    await manager.initialize()
    expect((await orders.get('/7')).text()).toBe('orders /7')
    expect(await manager.loadMesh()).toBe(mesh)
    expect((await manager.shutdown()).problems).toEqual([])
  })

  it('that was loaded before initialize() makes the service known last all the same', async () => {
    const port = await serve((request, response) => void response.end(`orders ${request.url}`))
    const known: number[] = []
    const server = { start: async () => void known.push((await manager.discovery.resolve('orders')).length) }
    const config = CommunicationConfig.from({ serviceName: 'orders', mesh: { host: '127.0.0.1', port } })
    const manager = new CommunicationManager(config, { logger, components: { server } })
    stack.push(() => manager.shutdown())
    await manager.loadMesh()
    await manager.initialize()
    known.push((await manager.discovery.resolve('orders')).length)
    expect(known).toEqual([0, 1])
    expect((await manager.mesh.call('orders').get('/7')).text()).toBe('orders /7')
  })

  it('is closed by a shutdown without initialize()', async () => {
    const mesh = createMesh({ service: { name: 'orders', host: '127.0.0.1', port: 80 }, discovery: new MemoryRegistry() })
    const manager = new CommunicationManager(CommunicationConfig.from({}), { logger, components: { mesh } })
    await manager.loadMesh()
    expect((await manager.shutdown()).problems).toEqual([])
    expect(() => mesh.call('stock')).toThrow(expect.objectContaining({ code: 'COMM_CLOSED' }))
  })

  it('lets in whom the lists allow, which change while it runs', async () => {
    const authority = await createAuthority()
    const folder = mkdtempSync(join(tmpdir(), 'manager-mesh-'))
    stack.push(() => rmSync(folder, { recursive: true }))
    const ssl = async (service: string): Promise<object> => {
      const files = await authority.issue({ host: service, uris: [`spiffe://shop.example/${service}`] })
      for (const part of ['ca', 'cert', 'key'] as const) writeFileSync(join(folder, `${service}.${part}`), files[part])
      return {
        caFile: join(folder, `${service}.ca`),
        certFile: join(folder, `${service}.cert`),
        keyFile: join(folder, `${service}.key`),
      }
    }
    const own = await ssl('payments')
    const settings = (allow: readonly string[]): object => ({ serviceName: 'payments', mesh: { ssl: own, allow } })
    const manager = manage(settings(['spiffe://shop.example/orders']))
    const server = (await manager.loadMesh()).createServer((_, response) => void response.end('paid'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stack.push(
      () => server.close(),
      () => server.closeAllConnections(),
    )
    const { port } = server.address() as AddressInfo
    const orders = manage({
      serviceName: 'orders',
      mesh: { ssl: await ssl('orders') },
      meshServices: { payments: { retry: false } },
      serviceDiscovery: { type: 'static', services: { payments: [`https://127.0.0.1:${port}`] } },
    })
    const call = (): Promise<{ text(): string }> => orders.mesh.call('payments').get('/')
    expect((await call()).text()).toBe('paid')
    await manager.reload(CommunicationConfig.from(settings(['carts']) as never))
    await expect(call()).rejects.toMatchObject({ status: 403 })
  })

  it('refuses lists without certificates, and half an address; a reload that is refused changes nothing', async () => {
    await expect(manage({ serviceName: 'a', mesh: { allow: ['orders'] } }).initialize()).rejects.toThrow(/mesh\.access/)
    await expect(manage({ serviceName: 'a', mesh: { port: 80 } }).initialize()).rejects.toThrow(/mesh\.host/)
    await expect(manage({ mesh: { zone: 'eu' } }).initialize()).rejects.toThrow(/serviceName/)
    const manager = manage({ serviceName: 'a', mesh: { zone: 'eu' } })
    await manager.initialize()
    const wrong = CommunicationConfig.from({ serviceName: 'a', mesh: { zone: 'eu', deny: ['spiffe://shop.example/carts'] } })
    await expect(manager.reload(wrong)).rejects.toThrow(ConfigurationError)
    expect(manager.config.mesh.deny).toEqual([])
  })
})
