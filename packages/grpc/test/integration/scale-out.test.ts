import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { constantBackoff } from '@comm/core'
import { ServiceDiscovery } from '@comm/discovery'
import { MemoryRegistry } from '@comm/discovery/memory'
import { GrpcClient } from '@comm/grpc'
import { waitFor } from '@comm/testkit'
import { afterEach, describe, expect, it } from '@jest/globals'
import { TestServiceDefinition } from '../generated/grpc/testing/test.ts'

const children: ChildProcess[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

async function startInstance(id: string): Promise<{ readonly port: number; kill(): Promise<unknown> }> {
  const main = join(import.meta.dirname, '../support/instance-main.ts')
  const child = fork(main, [id], { execArgv: ['--conditions=@comm/source'], stdio: 'inherit' })
  children.push(child)
  const { port } = await new Promise<{ port: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { port: number }))
    child.once('exit', (code) => reject(new Error(`the instance ended with ${code}`)))
  })
  const kill = (): Promise<unknown> => {
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    return exited
  }
  return { port, kill }
}

interface Answered {
  readonly serverId: string
  readonly begunAt: number
}
/** For a machine with much else to do. */
const LIMIT_MS = 180_000

/** Calls without a pause, so many at once, until it is stopped. */
class Load {
  readonly answers: Answered[] = []
  readonly failures: unknown[] = []
  readonly #lanes: Promise<unknown>
  #isStopped = false

  constructor(client: GrpcClient, inFlight: number) {
    const { cacheableUnaryCall } = client.service(TestServiceDefinition)
    const lane = async (): Promise<void> => {
      while (!this.#isStopped) {
        const begunAt = performance.now()
        await cacheableUnaryCall({}).then(
          ({ serverId }) => this.answers.push({ serverId, begunAt }),
          (error: unknown) => this.failures.push(error),
        )
      }
    }
    this.#lanes = Promise.all(Array.from({ length: inFlight }, lane))
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#lanes
  }

  /** How many of the first calls from then on each instance has answered. */
  async shares(from: number, calls: number): Promise<ReadonlyMap<string, number>> {
    const since = (): readonly Answered[] => this.answers.filter(({ begunAt }) => begunAt >= from)
    await waitFor(() => since().length >= calls, { what: `${calls} answers`, timeoutMs: LIMIT_MS })
    const counts = new Map<string, number>()
    for (const { serverId } of since().slice(0, calls)) counts.set(serverId, (counts.get(serverId) ?? 0) + 1)
    return counts
  }
}

describe('a client over a registry', () => {
  it(
    'gives a third instance its share within two seconds, and loses no idempotent call when one is killed',
    async () => {
      await using discovery = new ServiceDiscovery({ registry: new MemoryRegistry() })
      const register = (id: string, port: number) => discovery.register({ service: 'test', id, host: '127.0.0.1', port })
      const [one, two] = [await startInstance('one'), await startInstance('two')]
      await register('one', one.port)
      await register('two', two.port)
      await using client = new GrpcClient({
        service: 'test',
        endpoints: discovery.resolver('test'),
        retry: { maxRetries: 3, backoff: constantBackoff({ baseMs: 5, jitter: 0 }) },
      })
      const load = new Load(client, 8)
      await load.shares(0, 100)

      const three = await startInstance('three')
      const third = await register('three', three.port)
      // So long it may take at most.
      const after = await load.shares(performance.now() + 2000, 300)
      // A third each, give or take what a busy machine does to one of three processes.
      expect(after.get('three') ?? 0).toBeGreaterThan(45)
      expect([...after.keys()].sort()).toEqual(['one', 'three', 'two'])

      await three.kill()
      expect([...(await load.shares(performance.now(), 300)).keys()].sort()).toEqual(['one', 'two'])
      expect(load.failures).toEqual([])
      await third.deregister()
      await load.shares(performance.now(), 100)
      await load.stop()
      expect(load.failures).toEqual([])
      expect(client.health()).toEqual({ status: 'up' })
    },
    LIMIT_MS,
  )

  it(
    'lets the calls of an instance that has left end, over the connection that they have',
    async () => {
      await using discovery = new ServiceDiscovery({ registry: new MemoryRegistry() })
      const [one, two] = [await startInstance('one'), await startInstance('two')]
      const first = await discovery.register({ service: 'test', id: 'one', host: '127.0.0.1', port: one.port })
      await discovery.register({ service: 'test', id: 'two', host: '127.0.0.1', port: two.port })
      await using client = new GrpcClient({ service: 'test', endpoints: discovery.resolver('test'), retry: false })
      const load = new Load(client, 8)
      await load.shares(0, 100)
      await first.deregister()
      await waitFor(() => client.balancer?.instances.length === 1, { what: 'one instance', timeoutMs: LIMIT_MS })
      const shares = await load.shares(performance.now(), 200)
      await load.stop()
      expect(load.failures).toEqual([])
      expect([...shares.keys()]).toEqual(['two'])
    },
    LIMIT_MS,
  )
})
