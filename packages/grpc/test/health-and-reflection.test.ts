import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Health, Lifecycle } from '@comm/core'
import { GrpcClient, GrpcServer, HealthDefinition } from '@comm/grpc'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { descriptors as healthDescriptors } from '../src/generated/descriptors.ts'
import { descriptors } from './generated/descriptors.ts'
import { TestServiceDefinition } from './generated/grpc/testing/test.ts'
import { testService } from './support/test-service.ts'

const run = promisify(execFile)
const buf = join(dirname(createRequire(import.meta.url).resolve('@bufbuild/buf/package.json')), 'bin/buf')

/** Another implementation: buf's own client, in Go. It learns the schema from the server. */
async function curl(server: GrpcServer, method: string, data: string): Promise<unknown> {
  const url = `http://${server.address}/${method}`
  const { stdout } = await run(process.execPath, [
    buf,
    'curl',
    '--protocol',
    'grpc',
    '--http2-prior-knowledge',
    '--data',
    data,
    url,
  ])
  return JSON.parse(stdout)
}

describe('a server seen by buf curl', () => {
  const health: { now: Health } = { now: { status: 'up' } }
  const lifecycle = new Lifecycle()
  let server: GrpcServer

  beforeAll(async () => {
    lifecycle.add({ name: 'database', health: () => health.now })
    server = new GrpcServer({
      host: '127.0.0.1',
      port: 0,
      reflection: Buffer.concat([descriptors, healthDescriptors]),
      health: lifecycle,
    })
    server.add(TestServiceDefinition, testService as never)
    lifecycle.add(server)
    await lifecycle.start()
  })
  afterAll(() => lifecycle.stop())

  it('is called through reflection', async () => {
    expect(await curl(server, 'grpc.testing.TestService/UnaryCall', '{"responseSize": 3}')).toEqual({ payload: { body: 'AAAA' } })
  })

  it('lists its services', async () => {
    const args = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', '--list-services', `http://${server.address}`]
    const { stdout } = await run(process.execPath, [buf, ...args])
    expect(stdout.trim().split('\n')).toEqual(['grpc.testing.TestService'])
  })

  it('tells its health to a foreign client', async () => {
    const check = 'grpc.health.v1.Health/Check'
    expect(await curl(server, check, '{}')).toEqual({ status: 'SERVING' })
    expect(await curl(server, check, '{"service": "grpc.testing.TestService"}')).toEqual({ status: 'SERVING' })
    health.now = { status: 'down', reason: 'no connection' }
    expect(await curl(server, check, '{}')).toEqual({ status: 'NOT_SERVING' })
    health.now = { status: 'degraded' }
    expect(await curl(server, check, '{}')).toEqual({ status: 'SERVING' })
    await expect(curl(server, check, '{"service": "nobody"}')).rejects.toThrow(/not_found/)
  }, 180_000)
})

describe('health', () => {
  it('is watched: each change is told, and the end of the server', async () => {
    let isHealthy = true
    let isReady = true
    const health = {
      healthCheck: async () => ({ isHealthy, components: {} }),
      get isReady() {
        return isReady
      },
    }
    const server = new GrpcServer({ host: '127.0.0.1', port: 0, health, healthWatchMs: 5 })
    await server.start()
    await using client = new GrpcClient({ address: server.address })
    const watched = client.service(HealthDefinition).watch({})[Symbol.asyncIterator]()
    const next = async (): Promise<unknown> => (await watched.next()).value?.status
    expect(await next()).toBe(1)
    isHealthy = false
    expect(await next()).toBe(2)
    isHealthy = true
    expect(await next()).toBe(1)
    isReady = false
    expect(await next()).toBe(2)
    isReady = true
    expect(await next()).toBe(1)
    const stopped = server[Symbol.asyncDispose]()
    expect(await next()).toBe(2)
    expect(await next()).toBeUndefined()
    await stopped
  })

  it('of a service that is not there is unknown, and can be turned off', async () => {
    await using server = new GrpcServer({ host: '127.0.0.1', port: 0 })
    await server.start()
    await using client = new GrpcClient({ address: server.address })
    const watched = client.service(HealthDefinition).watch({ service: 'nobody' })[Symbol.asyncIterator]()
    expect((await watched.next()).value?.status).toBe(3)
    await watched.return?.()

    await using silent = new GrpcServer({ host: '127.0.0.1', port: 0, health: false })
    await silent.start()
    await using other = new GrpcClient({ address: silent.address })
    await expect(other.service(HealthDefinition).check({})).rejects.toMatchObject({ code: 'COMM_UNSUPPORTED' })
  })
})
