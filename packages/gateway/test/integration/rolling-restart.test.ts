import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createGateway, type GatewayConfig } from '@comm/gateway'
import { httpServerComponent } from '@comm/http/server'
import { waitFor } from '@comm/testkit'
import { expect, it } from '@jest/globals'
import autocannon, { type Result } from 'autocannon'

/** An instance that ends as a service should: it takes no new connections, and finishes what it has begun. */
async function instance(port: number) {
  const server: Server = createServer((_, response) => setTimeout(() => response.end('ok'), 2))
  const component = httpServerComponent(server, { port, host: '127.0.0.1' })
  const { signal } = new AbortController()
  await component.start(signal)
  return {
    port: (server.address() as AddressInfo).port,
    async stop(): Promise<void> {
      await component.stopIntake(signal)
      await component.drain(signal)
      await component.close(signal)
    },
  }
}

it('no request fails while three instances are restarted one after the other and the configuration is reloaded', async () => {
  const instances = await Promise.all([instance(0), instance(0), instance(0)])
  const config = (weight: number): GatewayConfig => ({
    services: {
      users: {
        instances: instances.map(({ port }) => `127.0.0.1:${port}`),
        path: '/users',
        outlierDetection: { ejectionMs: 100 },
        healthCheck: { path: '/', intervalMs: 50, timeoutMs: 5000, unhealthyAfter: 1, healthyAfter: 1 },
      },
    },
    routes: [{ path: `/other/${weight}`, service: 'users' }],
  })
  await using gateway = createGateway({ port: 0, host: '127.0.0.1', ...config(0) })
  await gateway.start()

  const done = Promise.withResolvers<Result>()
  const load = autocannon({ url: `${gateway.url}/users`, connections: 10, duration: 60 }, (error, result) =>
    error ? done.reject(error) : done.resolve(result),
  )
  let answered = 0
  load.on('response', () => answered++)
  const untilMore = async (): Promise<void> => {
    const before = answered
    await waitFor(() => answered > before + 100, { what: 'answers' })
  }
  await untilMore()
  for (const [at, { port }] of instances.entries()) {
    await instances[at]?.stop()
    await untilMore()
    instances[at] = await instance(port)
    await waitFor(() => gateway.services['users']?.available === 3, { what: 'the restarted instance' })
    await untilMore()
  }
  for (let reload = 1; reload <= 10; reload++) {
    gateway.reload(config(reload))
    await pause(20)
  }
  // A service whose connections are configured anew is built anew, beside the requests that are under way.
  const changed = config(11)
  gateway.reload({ ...changed, services: { users: { ...(changed.services['users'] as object), balancing: 'roundRobin' } } })
  await untilMore()
  load.stop()
  const result = await done.promise
  for (const each of instances) await each.stop()
  expect({ errors: result.errors, timeouts: result.timeouts, non2xx: result.non2xx }).toEqual({
    errors: 0,
    timeouts: 0,
    non2xx: 0,
  })
  expect(result['2xx']).toBeGreaterThan(700)
}, 120_000)
