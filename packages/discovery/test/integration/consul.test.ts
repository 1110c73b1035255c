import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ServiceInstance } from '@comm/discovery'
import { ConsulRegistry } from '@comm/discovery/consul'
import { waitFor } from '@comm/testkit'
import { startConsul, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const signal = new AbortController().signal
const instance: ServiceInstance = { service: 'orders', id: 'one', host: '127.0.0.1', port: 80 }

describe('the index of blocking queries', () => {
  it('begins again where it goes backwards or is 0, tells only of what has changed, and gives up on what is no answer', async () => {
    // What a Consul says whose state was restored: it cannot be made to on purpose.
    const answers: (readonly [index: string, ids: readonly string[]])[] = [
      ['100', ['a']],
      ['100', ['a']],
      ['105', ['a', 'b']],
      ['7', ['b']],
      ['9', ['b', 'c']],
      ['0', ['c']],
      ['12', ['d']],
    ]
    const asked: (string | null)[] = []
    const server = createServer((request, response) => {
      const [index, ids] = answers[asked.length] ?? ['13', undefined]
      asked.push(new URL(request.url ?? '', 'http://x').searchParams.get('index'))
      const entry = (id: string): object => ({
        Node: { Address: '10.0.0.9' },
        Service: { ID: id, Service: 'orders', Address: '', Port: 1, Tags: null, Meta: null },
        Checks: [],
      })
      response.writeHead(200, { 'x-consul-index': index }).end(ids === undefined ? 'nonsense' : JSON.stringify(ids.map(entry)))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await using consul = new ConsulRegistry({ host: '127.0.0.1', port: (server.address() as AddressInfo).port })
    const lists: string[] = []
    const run = consul.watch('orders').run((list) => void lists.push(list.map(({ id, host }) => `${id}@${host}`).join()), signal)
    await expect(run).rejects.toThrow(/something that is no JSON: nonsense/)
    expect(asked).toEqual([null, '100', '100', '105', null, '9', null, '12'])
    expect(lists.map((list) => list.replaceAll('@10.0.0.9', ''))).toEqual(['a', 'a,b', 'b', 'b,c', 'c', 'd'])
    server.close()
  })
})

describe('Consul', () => {
  let consul: TestServer
  beforeAll(async () => {
    consul = await startConsul()
  })
  afterAll(() => consul.close())
  const registry = (more = {}): ConsulRegistry => new ConsulRegistry({ host: consul.host, port: consul.port, ...more })

  it('asks the instance itself where it is told to, and lists it only while both say that it is well', async () => {
    let status = 200
    const server = createServer((_, response) => void response.writeHead(status).end())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`
    await using one = registry({ check: () => ({ url, intervalMs: 1000, timeoutMs: 1000 }) })
    const registration = { instance: { ...instance, service: 'checked' }, ttlMs: 60_000 }
    await one.register(registration, signal)
    expect(await one.resolve('checked', signal)).toHaveLength(1)
    status = 500
    await waitFor(async () => (await one.resolve('checked', signal)).length === 0)
    expect(await one.renew(registration, signal)).toBe('kept')
    expect(await one.resolve('checked', signal)).toHaveLength(0)
    status = 200
    await waitFor(async () => (await one.resolve('checked', signal)).length === 1)
    await one.deregister(registration, signal)
    server.close()
    server.closeAllConnections()
  })

  it('lists services that others registered, by their own ids and weights, at the address of the node where they have none', async () => {
    const body = {
      ID: 'foreign-1',
      Name: 'foreign',
      Port: 81,
      Tags: ['x'],
      Meta: { version: '3' },
      Weights: { Passing: 4, Warning: 1 },
    }
    await fetch(`${consul.url}/v1/agent/service/register`, { method: 'PUT', body: JSON.stringify(body) })
    await using one = registry()
    await waitFor(async () => (await one.resolve('foreign', signal)).length === 1)
    expect(await one.resolve('foreign', signal)).toEqual([
      { service: 'foreign', id: 'foreign-1', host: '127.0.0.1', port: 81, weight: 4, version: '3', tags: ['x'] },
    ])
  })

  it('says what it does not take', async () => {
    await using one = registry()
    const metadata = { 'no spaces': 'x' }
    const refused = one.register({ instance: { ...instance, metadata }, ttlMs: 60_000 }, signal)
    await expect(refused).rejects.toMatchObject({ retryable: false, code: 'COMM_HTTP_STATUS' })
    await expect(refused).rejects.toThrow(/Key contains invalid characters/)
  })
})
