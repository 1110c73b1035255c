import { Lifecycle, silentLogger } from '@comm/core'
import { ServiceDiscovery } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'
import { httpServerComponent } from '@comm/http/server'
import { createMesh, type Mesh } from '@comm/mesh'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { Stage } from './support/stage.ts'

describe('a mesh in a lifecycle', () => {
  it('is registered when its server listens, and has left before a request under way is answered, which may call others', async () => {
    await using stage = new Stage()
    await stage.service('stock', (_request, response) => void response.end('there'))
    const asked = Promise.withResolvers<void>()
    const release = Promise.withResolvers<void>()
    const lifecycle = new Lifecycle({ logger: silentLogger })
    const mesh: Mesh = stage.mesh({
      service: { name: 'orders', host: '127.0.0.1', port: () => Number(new URL(server.url).port) },
    })
    const listener = mesh.createServer(
      async (_request, response) => {
        asked.resolve()
        await release.promise
        response.end((await mesh.call('stock').get('/')).text())
      },
      { health: lifecycle },
    )
    const server = httpServerComponent(listener, { port: 0, host: '127.0.0.1' })
    lifecycle.add(server)
    lifecycle.add(mesh)
    await lifecycle.start()
    expect((await lifecycle.healthCheck()).components).toMatchObject({ orders: { status: 'up' } })

    const caller = stage.mesh({ service: 'carts' })
    const answer = caller.call('orders').get('/')
    await asked.promise
    const stopping = lifecycle.stop()
    const observer = new MemoryRegistry({ server: stage.registry })
    await waitFor(async () => (await observer.resolve('orders', AbortSignal.timeout(30_000))).length === 0)
    release.resolve()
    expect((await answer).text()).toBe('there')
    expect((await stopping).problems).toEqual([])
  })

  it('leaves a discovery that was given open, and closes a registry', async () => {
    const registry = new MemoryRegistry()
    await using discovery = new ServiceDiscovery({ registry })
    const borrowed = createMesh({ service: { name: 'orders', host: '127.0.0.1', port: 80 }, discovery })
    await borrowed.start()
    expect((await discovery.resolve('orders')).length).toBe(1)
    await borrowed.close()
    await borrowed.close()
    expect(await discovery.resolve('orders')).toEqual([])
    const owned = new MemoryRegistry()
    await createMesh({ service: 'orders', discovery: owned }).close()
    await expect(owned.resolve('orders', AbortSignal.timeout(30_000))).rejects.toMatchObject({ code: 'COMM_CLOSED' })
  })
})
