// An HTTP client at work against servers of its own: what is printed is asserted.
//
//   pnpm example http-client

import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { CircuitBreakerOpenError, constantBackoff, HttpStatusError } from '@comm/core'
import { roundRobin, staticEndpoints } from '@comm/core/balancing'
import { EnhancedHttpClient, HttpClient, poolSize } from '@comm/http'

interface Server extends AsyncDisposable {
  readonly address: string
  readonly url: string
}

async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    url: `http://${address}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const quickly = { backoff: constantBackoff({ baseMs: 5 }) }

async function calls(): Promise<string> {
  await using server = await serve(async (request, response) => {
    const body = await text(request)
    if (request.url === '/users/7?full=true') response.end('{"id":7,"name":"Ada"}')
    else if (request.method === 'POST') response.writeHead(201).end(body)
    else response.writeHead(404).end('{"title":"no such user"}')
  })
  await using client = new HttpClient({ baseUrl: server.url })
  const user = (await client.get('/users/7', { query: { full: true } })).json<{ name: string }>()
  assert.equal(user.name, 'Ada')
  assert.equal((await client.post('/users', { json: { name: 'Grace' } })).status, 201)
  await assert.rejects(client.get('/users/8'), (error) => error instanceof HttpStatusError && error.status === 404)
  return 'a GET, a POST, and a 404 as a typed error'
}

async function retries(): Promise<string> {
  let asked = 0
  await using server = await serve((_request, response) => response.writeHead(++asked % 3 === 0 ? 200 : 503).end())
  await using client = new EnhancedHttpClient({ baseUrl: server.url, retry: quickly })
  assert.equal((await client.get('/')).attempts, 3)
  const paid = await client.post('/payments', { json: { amount: 5 }, idempotencyKey: true })
  assert.equal(paid.attempts, 3)
  return 'two 503s before each answer, also for a POST that carries an Idempotency-Key'
}

async function breaker(): Promise<string> {
  let asked = 0
  await using server = await serve((_request, response) => response.writeHead(500, { n: ++asked }).end())
  await using client = new EnhancedHttpClient({ baseUrl: server.url, circuitBreaker: { consecutiveFailures: 3 } })
  for (let call = 0; call < 10; call++) await client.get('/').catch(() => undefined)
  assert.equal(asked, 3)
  await assert.rejects(client.get('/'), CircuitBreakerOpenError)
  return '11 calls to a service that is down reached it 3 times'
}

async function cache(): Promise<string> {
  let asked = 0
  await using server = await serve((_request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`answer ${++asked}`)
  })
  await using client = new EnhancedHttpClient({ baseUrl: server.url })
  for (let call = 0; call < 100; call++) assert.equal((await client.get('/')).text(), 'answer 1')
  await client.cache?.invalidate('/')
  assert.equal((await client.get('/')).text(), 'answer 2')
  return '101 calls, 2 requests: one, and one after it was invalidated'
}

async function streams(): Promise<string> {
  await using server = await serve((request, response) => request.pipe(response))
  await using client = new HttpClient({ baseUrl: server.url })
  let uploaded = 0
  async function* lines(): AsyncGenerator<Uint8Array> {
    for (let line = 1; line <= 3; line++) yield Buffer.from(`line ${line}\n`)
  }
  await using answer = await client.stream('POST', '/', {
    body: lines,
    onUploadProgress: ({ bytes }) => {
      uploaded = bytes
    },
  })
  assert.equal(await text(answer.body), 'line 1\nline 2\nline 3\n')
  assert.equal(uploaded, 21)
  return '21 bytes up and down again, in pieces'
}

async function events(): Promise<string> {
  await using server = await serve((request, response) => {
    const from = Number(request.headers['last-event-id'] ?? 0)
    if (from >= 4) return void response.writeHead(204).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(`id: ${from + 1}\ndata: order\n\nid: ${from + 2}\ndata: order\n\n`)
  })
  await using client = new HttpClient({ baseUrl: server.url })
  const seen: string[] = []
  for await (const { id } of client.events('/', { reconnect: { delayMs: 5 } })) seen.push(id)
  assert.deepEqual(seen, ['1', '2', '3', '4'])
  return '4 events over 2 connections, the second gone on from the last event of the first'
}

async function auth(): Promise<string> {
  await using server = await serve((request, response) => response.end(request.headers.authorization))
  await using client = new HttpClient({ baseUrl: server.url, auth: { bearer: 'a-token' } })
  assert.equal((await client.get('/')).text(), 'Bearer a-token')
  await assert.rejects(client.get('http://127.0.0.1:9/'), /must be of the origin of baseUrl/)
  return 'a bearer token on each request, and no request to another origin'
}

async function balancing(): Promise<string> {
  let isIll = false
  await using one = await serve((_request, response) => response.writeHead(isIll ? 503 : 200).end('one'))
  await using two = await serve((_request, response) => response.end('two'))
  const source = staticEndpoints([one.address, two.address])
  await using orders = new EnhancedHttpClient({
    service: 'orders',
    endpoints: source,
    balancer: { strategy: roundRobin() },
    retry: quickly,
    maxConnections: poolSize({ requestsPerSecond: 200, latencyMs: 20, instances: 2 }),
    cache: false,
  })
  const ask = async (): Promise<string> => (await orders.get('/orders/7')).text()
  assert.deepEqual([await ask(), await ask()].toSorted(), ['one', 'two'])
  isIll = true
  for (let call = 0; call < 4; call++) assert.equal(await ask(), 'two')
  source.replace([two.address])
  assert.equal(await ask(), 'two')
  return 'round robin over two instances; when one is ill, every call ends at the other'
}

const shown: readonly [string, () => Promise<string>][] = [
  ['Calls', calls],
  ['Retry', retries],
  ['Circuit breaker', breaker],
  ['Cache', cache],
  ['Streams', streams],
  ['Events', events],
  ['Authentication', auth],
  ['Balancing', balancing],
]
for (const [name, show] of shown) console.log(`✓ ${name}: ${await show()}`)
console.log('http-client: ok')
