import { Readable } from 'node:stream'
import { EnhancedHttpClient, gotTransport } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { SOON } from './balancing/support.ts'
import { bodyOf, failureOf, type LocalServer, localServer } from './support/local-server.ts'

interface Flaky extends LocalServer {
  readonly calls: { readonly method: string | undefined; readonly key: unknown; readonly body: string }[]
}

/** Breaks off every first attempt after it has read the request. */
async function flaky(): Promise<Flaky> {
  const calls: Flaky['calls'] = []
  const server = await localServer((request, response) => {
    void bodyOf(request).then((body) => {
      calls.push({ method: request.method, key: request.headers['idempotency-key'], body })
      if (calls.length % 2 === 1) request.socket.resetAndDestroy()
      else response.end('done')
    })
  })
  return Object.assign(server, { calls })
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('over %s', (_library, make) => {
  it('an Idempotency-Key makes a POST one that is tried again, with the same key', async () => {
    await using server = await flaky()
    await using transport = make()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON, idempotencyKeys: true })
    expect((await client.post('/', { json: { order: 7 } })).attempts).toBe(2)
    // On a connection that has served before: sent again outside the policies.
    await client.patch('/', { json: { order: 8 } })
    expect(server.calls).toHaveLength(4)
    const keys = server.calls.map(({ key }) => key)
    expect(keys[0]).toMatch(UUID)
    expect(keys[1]).toBe(keys[0])
    expect(keys[3]).toBe(keys[2])
    expect(keys[2]).not.toBe(keys[0])
  })

  it('the caller may give the key, or ask for one, or for none', async () => {
    await using server = await flaky()
    await using transport = make()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON })
    await client.post('/', { idempotencyKey: 'order-7' })
    await client.post('/', { idempotencyKey: true })
    await client.post('/', { headers: { 'idempotency-key': 'own' }, idempotencyKey: true })
    await client.put('/', { idempotencyKey: true })
    expect(await failureOf(client.post('/', { idempotencyKey: false }))).toMatchObject({ code: 'COMM_CONNECTION' })
    expect(server.calls.map(({ key }) => key)).toEqual([
      'order-7',
      'order-7',
      expect.stringMatching(UUID),
      expect.stringMatching(UUID),
      'own',
      'own',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('a function makes the body anew for every attempt', async () => {
    await using server = await flaky()
    await using transport = make()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON })
    let made = 0
    const body = (): Readable => Readable.from([`body ${++made}`], { objectMode: false })
    await client.put('/', { body })
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('in ')
      yield Buffer.from('pieces')
    }
    await client.post('/', { body: pieces, idempotencyKey: true })
    expect(server.calls.map(({ body: sent }) => sent)).toEqual(['body 1', 'body 2', 'in pieces', 'in pieces'])
  })

  it('a function that cannot make it, and a stream that breaks, end the call at once', async () => {
    await using server = await flaky()
    await using transport = make()
    await using client = new EnhancedHttpClient({ baseUrl: server.url, transport, retry: SOON })
    let made = 0
    const fails = (): Readable => {
      made++
      throw new Error('no such file')
    }
    expect(String(await failureOf(client.put('/', { body: fails })))).toContain(
      'the body of a request could not be made: no such file',
    )
    const breaks = (): Readable => {
      made++
      return Readable.from(
        (async function* () {
          yield Buffer.from('a')
          throw new Error('disk is gone')
        })(),
        { objectMode: false },
      )
    }
    expect(String(await failureOf(client.put('/', { body: breaks })))).toContain('its body could not be read: disk is gone')
    expect(made).toBe(2)
    expect(transport.stats()).toMatchObject({ pending: 0 })
  })
})
