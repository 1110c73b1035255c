import { breaker, keyed, retry, ServiceUnavailableError } from '@comm/core'
import {
  consistentHash,
  type EndpointSource,
  leastConnections,
  leastResponseTime,
  roundRobin,
  staticEndpoints,
} from '@comm/core/balancing'
import { EnhancedHttpClient, elsewhereVerdict, gotTransport, HttpClient, isSafeElsewhere, pickPlace } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { failureOf, localServer, until } from '../support/local-server.ts'
import { replicas, SOON } from './support.ts'

const balancer = { strategy: roundRobin() }

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('a client over several instances, on %s', (_library, make) => {
  it('gives each call the next, and says which one answered', async () => {
    await using three = await replicas(3)
    await using transport = make()
    await using client = new HttpClient({ service: 'orders', endpoints: three.source, balancer, transport })
    const answers = await Promise.all(Array.from({ length: 9 }, () => client.get('/orders/7', { query: { full: true } })))
    expect(three.calls()).toEqual([3, 3, 3])
    for (const answer of answers) expect(answer.text()).toBe(answer.instance)
    expect(answers[0]?.url.href).toBe('http://orders/orders/7?full=true')
    expect(three.all[0]?.calls[0]).toBe(`GET ${three.all[0]?.address} /orders/7?full=true`)
  })

  it('sends a retry to an instance where the call has not been', async () => {
    await using three = await replicas(3)
    await using transport = make()
    const endpoints = three.all.map(({ address }) => address)
    await using client = new EnhancedHttpClient({ service: 'orders', endpoints, transport, retry: SOON, cache: false })
    for (const each of three.all.slice(0, 2)) each.status = 503
    for (let round = 0; round < 4; round++) {
      const answer = await client.get('/')
      expect(answer.instance).toBe(three.all[2]?.address)
      expect(answer.attempts).toBeLessThanOrEqual(3)
    }
  })

  it('reads the list of a service live', async () => {
    await using three = await replicas(3)
    await using transport = make()
    const source = staticEndpoints([])
    await using client = new EnhancedHttpClient({
      baseUrl: 'service://orders/v1',
      endpoints: () => source,
      transport,
      cache: false,
    })
    const error = await failureOf(client.get('/'))
    expect(error).toBeInstanceOf(ServiceUnavailableError)
    expect((error as Error).message).toBe('service orders has no instance to call: none is registered')
    source.replace([three.all[1]?.address ?? ''])
    expect((await client.get('a')).instance).toBe(three.all[1]?.address)
    expect(three.all[1]?.calls).toEqual([`GET ${three.all[1]?.address} /v1/a`])
    source.replace([three.all[2]?.address ?? ''])
    expect((await client.get('a')).instance).toBe(three.all[2]?.address)
    expect(client.balancers.get('orders')?.instances.map(({ instance }) => instance.id)).toEqual([three.all[2]?.address])
  })

  it('keeps the host of a base URL, which a virtual host goes by', async () => {
    await using two = await replicas(2)
    await using transport = make()
    await using client = new HttpClient({ baseUrl: 'http://orders.internal:81/v1', endpoints: two.source, balancer, transport })
    await Promise.all([client.get('/'), client.get('/')])
    expect(two.all.map(({ calls }) => calls)).toEqual([['GET orders.internal:81 /v1/'], ['GET orders.internal:81 /v1/']])
  })

  it('takes base URLs that differ in host and port', async () => {
    await using two = await replicas(2)
    await using transport = make()
    const baseUrls = two.all.map(({ url }) => `${url}/v1`)
    await using client = new HttpClient({ baseUrls, balancer, transport })
    await Promise.all([client.get('/a'), client.get('/a')])
    expect(two.all.map(({ calls, address }) => calls[0] === `GET ${address} /v1/a`)).toEqual([true, true])
  })

  it('knows services by the URL of a request', async () => {
    await using two = await replicas(2)
    await using transport = make()
    const asked: string[] = []
    const registry: Record<string, EndpointSource> = {
      orders: staticEndpoints([two.all[0]?.address ?? '']),
      users: staticEndpoints([two.all[1]?.address ?? '']),
    }
    const endpoints = (service: string): EndpointSource => {
      asked.push(service)
      return registry[service] as EndpointSource
    }
    await using client = new EnhancedHttpClient({ endpoints, transport, cache: false })
    expect((await client.get('service://orders/1')).instance).toBe(two.all[0]?.address)
    expect((await client.get('service://users/1')).instance).toBe(two.all[1]?.address)
    expect((await client.get('service://users/2')).instance).toBe(two.all[1]?.address)
    expect((await client.get(`${two.all[0]?.url}/plain`)).instance).toBeUndefined()
    expect(asked).toEqual(['orders', 'users'])
    expect(String(await failureOf(client.get('service://carts/1')))).toContain(
      "endpoints('carts') must be an EndpointSource (with ready(), watch()), got undefined",
    )
  })

  it('names the instance when it fails', async () => {
    await using one = await replicas(1)
    await using transport = make()
    await using client = new HttpClient({ service: 'orders', endpoints: one.source, transport })
    const [only] = one.all
    const { address } = only as { address: string }
    ;(only as { status: number }).status = 500
    expect(await failureOf(client.get('/a'))).toMatchObject({
      message: `GET http://orders/a was answered 500 by ${address}`,
      details: { instance: address },
    })
    ;(only as { status: number }).status = 0
    expect(String(await failureOf(client.get('/a')))).toContain(`GET http://${address}/a lost the connection`)
  })

  it('names it when an attempt takes too long', async () => {
    await using silent = await localServer(() => undefined)
    await using transport = make()
    const address = silent.url.replace('http://', '')
    const options = { service: 'orders', endpoints: [address], transport, retry: false as const, timeout: { attemptMs: 50 } }
    await using client = new EnhancedHttpClient(options)
    expect(String(await failureOf(client.get('/a')))).toContain(`was not answered within 50 ms at ${address} (attemptMs)`)
  })

  it('gives the same key the same instance', async () => {
    await using three = await replicas(3)
    await using transport = make()
    await using client = new HttpClient({
      service: 'orders',
      endpoints: three.source,
      balancer: { strategy: consistentHash(), key: ({ headers }) => headers['x-user'] },
      transport,
    })
    const asked = async (user: string): Promise<string | undefined> =>
      (await client.get('/', { headers: { 'x-user': user } })).instance
    const users = Array.from({ length: 20 }, (_, index) => `user ${index}`)
    const first = await Promise.all(users.map(asked))
    expect(await Promise.all(users.map(asked))).toEqual(first)
    expect(new Set(first).size).toBeGreaterThan(1)
  })

  it('tells leastConnections() of a stream until it has been read', async () => {
    await using two = await replicas(2)
    await using transport = make()
    const options = { service: 'orders', endpoints: two.source, balancer: { strategy: leastConnections() }, transport }
    await using client = new HttpClient(options)
    const stream = await client.stream('GET', '/')
    const other = two.all.find(({ address }) => address !== stream.instance)?.address
    for (let round = 0; round < 3; round++) expect((await client.get('/')).instance).toBe(other)
    const busy = (): number[] => client.balancers.get('orders')?.instances.map(({ inFlight }) => inFlight) ?? []
    expect(busy().toSorted()).toEqual([0, 1])
    stream.body.resume()
    await until(() => busy().every((count) => count === 0))
  })

  it('tells leastResponseTime() how long calls took', async () => {
    await using slow = await localServer((_request, response) => void setTimeout(() => response.end(), 40))
    await using fast = await localServer((_request, response) => response.end())
    await using transport = make()
    const endpoints = [slow, fast].map(({ url }) => url.replace('http://', ''))
    const options = { service: 'orders', endpoints, balancer: { strategy: leastResponseTime() }, transport }
    await using client = new HttpClient(options)
    for (let round = 0; round < 20; round++) await client.get('/')
    const [ofSlow, ofFast] = client.balancers.get('orders')?.instances ?? []
    expect(ofSlow?.responseTimeMs).toBeGreaterThan(ofFast?.responseTimeMs ?? Number.POSITIVE_INFINITY)
  })

  it('asks for a path to know which instances are well', async () => {
    await using two = await replicas(2)
    await using transport = make()
    const [ill] = two.all
    Object.assign(ill as object, { status: 500 })
    const healthCheck = { path: '/health', intervalMs: 5, unhealthyAfter: 2 }
    const options = { service: 'orders', endpoints: two.source, balancer: { ...balancer, healthCheck }, transport }
    await using client = new HttpClient(options)
    client.balancers.get('orders')?.start()
    const isWell = (): boolean[] => client.balancers.get('orders')?.instances.map(({ isHealthy }) => isHealthy) ?? []
    await until(() => !isWell()[0])
    expect(isWell()).toEqual([false, true])
    for (let round = 0; round < 4; round++) expect((await client.get('/')).instance).toBe(two.all[1]?.address)
    expect(client.health()).toEqual({ status: 'up' })
  })
})

describe('policies of each instance', () => {
  it('open a breaker for the one that fails, and calls go past it', async () => {
    await using two = await replicas(2)
    const [bad, good] = two.all
    Object.assign(bad as object, { status: 503 })
    await using client = new EnhancedHttpClient({
      service: 'orders',
      endpoints: two.source,
      balancer: { ...balancer, outlierDetection: false },
      circuitBreaker: { consecutiveFailures: 3 },
      retry: SOON,
      cache: false,
    })
    for (let round = 0; round < 20; round++) expect((await client.get('/')).instance).toBe(good?.address)
    expect(bad?.calls).toHaveLength(3)
    expect(client.circuitBreaker).toBeUndefined()
    expect(client.circuitBreakers?.get(bad?.address)?.state).toBe('open')
    expect(client.circuitBreakers?.get(good?.address)?.state).toBe('closed')
    // A POST may go elsewhere too: the one whose breaker is open has not seen it.
    for (let round = 0; round < 4; round++) expect((await client.post('/', { json: 1 })).instance).toBe(good?.address)
  })

  it('are one for the client when asked for', async () => {
    await using two = await replicas(2)
    await using client = new EnhancedHttpClient({ service: 'orders', endpoints: two.source, isolate: 'client' })
    expect(client.circuitBreaker?.state).toBe('closed')
    expect(client.circuitBreakers).toBeUndefined()
    const order = client
      .describe()
      .split('\n')
      .map((line) => line.split(' ')[0])
    expect(order).toEqual(['total', 'service', 'cache', 'retry', 'breaker', 'bulkhead', 'pick', 'attempt'])
  })

  it('stand behind pickPlace in a list of policies', async () => {
    await using two = await replicas(2)
    const breakers = keyed(() => breaker({ consecutiveFailures: 1 }))
    const again = retry({ ...SOON, classify: elsewhereVerdict, isSafe: isSafeElsewhere, hint: () => undefined })
    await using client = new HttpClient({
      service: 'orders',
      endpoints: two.source,
      balancer,
      policies: [again, pickPlace, breakers],
    })
    Object.assign(two.all[0] as object, { status: 503 })
    for (let round = 0; round < 6; round++) expect((await client.get('/')).instance).toBe(two.all[1]?.address)
    expect(two.calls()[0]).toBe(1)
  })

  it('keep what is kept of answers for the service, not for an instance', async () => {
    const headers = { 'cache-control': 'max-age=60' }
    await using one = await localServer((_request, response) => response.writeHead(200, headers).end('kept'))
    await using two = await localServer((_request, response) => response.writeHead(200, headers).end('kept'))
    const endpoints = [one, two].map(({ url }) => url.replace('http://', ''))
    await using client = new EnhancedHttpClient({ service: 'orders', endpoints })
    await client.get('/')
    const hit = await client.get('/')
    expect(hit.attempts).toBe(0)
    expect(await client.cache?.invalidate('/')).toBe(true)
  })
})

it('a client whose instances are all aside is degraded, and closes its balancers', async () => {
  await using one = await replicas(1)
  Object.assign(one.all[0] as object, { status: 500 })
  const outlierDetection = { consecutiveFailures: 1 }
  const client = new HttpClient({ service: 'orders', endpoints: one.source, balancer: { outlierDetection } })
  expect(client.health()).toEqual({ status: 'up' })
  await failureOf(client.get('/'))
  expect(client.health()).toMatchObject({ status: 'degraded', reason: 'service orders has no instance that is well' })
  await client.close()
  expect(client.health()).toEqual({ status: 'up' })
  expect(await failureOf(client.get('/'))).toMatchObject({ code: 'COMM_CLOSED' })
})
