import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConsulRegistry } from '@comm/discovery/consul'
import { createMesh, type Mesh } from '@comm/mesh'
import { waitFor } from '@comm/testkit'
import { startConsul } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import { listen } from '../support/stage.ts'

const consul = await startConsul()
afterAll(() => consul.close())

const discovery = (): ConsulRegistry =>
  new ConsulRegistry({ host: consul.host, port: consul.port, waitMs: 1000, requestTimeoutMs: 10_000 })
const NAME = `payments-${process.pid}`
const LIMIT = { timeoutMs: 60_000 }

async function instance(stack: AsyncDisposableStack, answer: string): Promise<Mesh> {
  let port = 0
  const mesh = stack.use(
    createMesh({ service: { name: NAME, host: '127.0.0.1', port: () => port, version: answer }, discovery: discovery() }),
  )
  const server = mesh.createServer((_request: IncomingMessage, response: ServerResponse) => void response.end(answer))
  port = await listen(server)
  stack.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  await mesh.start()
  return mesh
}

describe('a mesh whose registry dies', () => {
  it('calls on without a failed call, says so, and finds what came meanwhile when it is back', async () => {
    await using stack = new AsyncDisposableStack()
    await instance(stack, '1.0.0')
    const second = await instance(stack, '2.0.0')
    const mesh = stack.use(createMesh({ service: 'orders', discovery: discovery(), policies: { '*': { retry: false } } }))
    const ask = async (): Promise<string> => (await mesh.call(NAME).get('/')).text()
    const answers = new Set<string>()
    const learns = async (...versions: readonly string[]): Promise<boolean> => {
      answers.clear()
      for (let call = 0; call < 30; call++) answers.add(await ask())
      return versions.every((version) => answers.has(version))
    }
    await waitFor(() => learns('1.0.0', '2.0.0'), LIMIT)
    expect((await mesh.health()).status).toBe('up')

    await consul.kill()
    await waitFor(async () => (await mesh.health()).status === 'degraded', LIMIT)
    expect(await learns('1.0.0', '2.0.0')).toBe(true)
    // It is announced in vain for now.
    let port = 0
    const third = stack.use(
      createMesh({ service: { name: NAME, host: '127.0.0.1', port: () => port, inBackground: true }, discovery: discovery() }),
    )
    const server = third.createServer((_request, response) => void response.end('3.0.0'))
    port = await listen(server)
    stack.defer(() => {
      server.closeAllConnections()
      server.close()
    })
    await third.start()
    expect(await learns('1.0.0', '2.0.0')).toBe(true)

    await consul.restart()
    await waitFor(() => learns('1.0.0', '2.0.0', '3.0.0'), LIMIT)
    await waitFor(async () => (await mesh.health()).status === 'up', LIMIT)
    await second.stopIntake()
    await waitFor(async () => (await learns('1.0.0', '3.0.0')) && !answers.has('2.0.0'), LIMIT)
    const [edge] = mesh.topology().edges
    expect(edge?.calls).toBeGreaterThan(0)
    expect(edge?.errors).toBe(0)
  }, 240_000)
})
