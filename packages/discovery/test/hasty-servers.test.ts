import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from '@comm/discovery'
import { ConsulRegistry } from '@comm/discovery/consul'
import { KubernetesRegistry } from '@comm/discovery/kubernetes'
import { TestClock, waitFor } from '@comm/testkit'
import { expect, it } from '@jest/globals'

async function serving(listener: RequestListener): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const LIST = JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] })

it.each<[string, (port: number, clock: TestClock) => Registry, (url: string) => boolean]>([
  [
    'Consul that names no index to wait for',
    (port, clock) => new ConsulRegistry({ host: '127.0.0.1', port, clock }),
    (url) => url.startsWith('/v1/health/service/followed'),
  ],
  [
    'Kubernetes that ends every watch at once',
    (port, clock) => new KubernetesRegistry({ server: `http://127.0.0.1:${port}`, token: 't', clock }),
    (url) => url.includes('watch=1'),
  ],
])('a list is not followed without a pause: %s', async (_what, registryAt, isAsked) => {
  let asked = 0
  await using server = await serving(({ url = '' }, response) => {
    if (isAsked(url)) asked++
    if (url.startsWith('/v1/')) response.end('[]')
    else response.end(url.includes('watch=1') ? '' : LIST)
  })
  const clock = new TestClock()
  await using registry = registryAt(server.port, clock)
  const stopped = new AbortController()
  const run = registry.watch('followed').run(() => undefined, stopped.signal)
  run.catch(() => undefined)
  await waitFor(() => asked === 1)
  // As many round trips, in which a hasty one would have asked again.
  for (let nth = 0; nth < 10; nth++) await registry.resolve('other', stopped.signal)
  expect(asked).toBe(1)
  await clock.advance(1000)
  await waitFor(() => asked > 1)
  stopped.abort()
  await run.catch(() => undefined)
})
