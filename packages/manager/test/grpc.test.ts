import { CommunicationConfig } from '@comm/config'
import { silentLogger, withContext } from '@comm/core'
import { ServiceDiscovery } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'
import { GrpcClient, GrpcServer, HealthDefinition } from '@comm/grpc'
import { CommunicationManager } from '@comm/manager'
import { describe, expect, it } from '@jest/globals'

const SERVING = 1

async function serve(seen: (string | undefined)[] = []): Promise<GrpcServer> {
  const server = new GrpcServer({
    host: '127.0.0.1',
    port: 0,
    interceptors: [],
    health: {
      isReady: true,
      healthCheck: async () => {
        const { incomingCall } = await import('@comm/grpc')
        seen.push(incomingCall()?.correlationId)
        return { isHealthy: true, components: {} }
      },
    },
  })
  await server.start()
  return server
}

describe('manager.grpc', () => {
  it('is configured, works before it is loaded, streams too, and is the client itself afterwards', async () => {
    const seen: (string | undefined)[] = []
    await using server = await serve(seen)
    const config = CommunicationConfig.from({ grpcClient: { address: server.address, timeout: { totalMs: 30_000 } } })
    await using manager = new CommunicationManager(config, { logger: silentLogger })
    const health = manager.grpc.service(HealthDefinition)
    await withContext({ correlationId: 'managed-1' }, async () => {
      expect(await health.check({})).toEqual({ status: SERVING })
    })
    expect(seen).toEqual(['managed-1'])
    for await (const { status } of health.watch({})) {
      expect(status).toBe(SERVING)
      break
    }
    expect(manager.grpc).toBeInstanceOf(GrpcClient)
    await manager.initialize()
    expect((await manager.healthCheck()).components).toEqual({ grpc: { status: 'up' } })
  })

  it('finds a service by its name through the component `discovery`', async () => {
    await using server = await serve()
    const discovery = new ServiceDiscovery({ registry: new MemoryRegistry() })
    await discovery.register({ service: 'payments', host: '127.0.0.1', port: server.port })
    const config = CommunicationConfig.from({ grpcClients: { payments: { service: 'payments' } } })
    await using manager = new CommunicationManager(config, { logger: silentLogger, components: { discovery } })
    await manager.initialize()
    expect(await manager.grpcClient('payments').service(HealthDefinition).check({})).toEqual({ status: SERVING })
  })

  it('calls several addresses', async () => {
    await using one = await serve()
    await using two = await serve()
    const config = CommunicationConfig.from({ grpcClient: { addresses: [one.address, two.address], service: 'payments' } })
    await using manager = new CommunicationManager(config, { logger: silentLogger })
    await manager.grpc.service(HealthDefinition).check({})
    expect(manager.grpc.name).toBe('payments')
    expect(manager.grpc.balancer?.instances).toHaveLength(2)
  })

  it.each([
    [{ grpcClient: { metadata: { a: 'b' } } }, 'grpcClient.address must be given, or addresses, or a service, got nothing'],
    [
      { grpcClient: { service: 'payments' } },
      "grpcClient.service must be given with an address, or with a component `discovery` that finds it, got 'payments'",
    ],
  ])('says what is missing: %j', async (values, message) => {
    const manager = new CommunicationManager(CommunicationConfig.from(values), { logger: silentLogger })
    await expect(manager.initialize()).rejects.toThrow(message)
  })

  it('says which client there is not, and which method a service has not', async () => {
    await using manager = new CommunicationManager(CommunicationConfig.from({}), { logger: silentLogger })
    expect(() => manager.grpcClient('payments')).toThrow("grpcClients has no 'payments'; there is one of (none configured)")
    await using server = await serve()
    const config = CommunicationConfig.from({ grpcClient: { address: server.address } })
    await using other = new CommunicationManager(config, { logger: silentLogger })
    const health = other.grpc.service(HealthDefinition) as unknown as Record<string, () => Promise<unknown>>
    await expect(health['examine']?.()).rejects.toThrow('the service has no method examine')
  })
})
