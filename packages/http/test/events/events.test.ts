import { getEventListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { EnhancedHttpClient, type EventsOptions, gotTransport, HttpClient, type ServerSentEvent } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { failureOf, type LocalServer, localServer, until } from '../support/local-server.ts'

type Turn = (response: ServerResponse, request: IncomingMessage) => void

const STREAM = { 'content-type': 'text/event-stream; charset=utf-8' }
const sends =
  (text: string): Turn =>
  (response) =>
    response.writeHead(200, STREAM).end(text)
const breaksOffAfter =
  (text: string): Turn =>
  (response) =>
    response.writeHead(200, STREAM).write(text, () => response.socket?.resetAndDestroy())
const answers =
  (status: number, headers: Record<string, string> = {}): Turn =>
  (response) =>
    response.writeHead(status, headers).end('x')
const DONE = answers(204)

interface Server extends LocalServer {
  readonly requests: {
    readonly id: string | undefined
    readonly accept: string | undefined
    readonly cache: string | undefined
  }[]
}

async function serving(...turns: readonly Turn[]): Promise<Server> {
  const requests: Server['requests'] = []
  const server = await localServer((request, response) => {
    const { 'last-event-id': id, accept, 'cache-control': cache } = request.headers
    requests.push({ id: id as string | undefined, accept, cache })
    ;(turns[requests.length - 1] ?? DONE)(response, request)
  })
  return Object.assign(server, { requests })
}

async function read(events: AsyncIterable<ServerSentEvent>): Promise<readonly string[]> {
  const data: string[] = []
  for await (const event of events) data.push(`${event.id}:${event.data}`)
  return data
}

const SOON = { delayMs: 1, maxDelayMs: 5 }

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('events over %s', (_library, make) => {
  it('come one by one, while the server goes on', async () => {
    let send: (text: string) => void = () => undefined
    await using server = await serving((response) => {
      response.writeHead(200, STREAM).flushHeaders()
      send = (text) => void response.write(text)
    })
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const events = client.events('/')
    const first = events.next()
    await until(() => server.requests.length === 1)
    await new Promise((resolve) => setImmediate(resolve))
    send('data: one\n\n')
    expect((await first).value).toEqual({ event: 'message', data: 'one', id: '' })
    send('event: add\nid: 2\ndata: two\n\n')
    expect((await events.next()).value).toEqual({ event: 'add', data: 'two', id: '2' })
    await events.return()
    expect(server.requests).toEqual([{ id: undefined, accept: 'text/event-stream', cache: 'no-store' }])
    await until(() => transport.stats().open === 0)
  })

  it('are asked for again from the last one, when the stream ends or breaks, until a 204', async () => {
    await using server = await serving(
      sends('id: 1\ndata: a\n\nid: 2\ndata: b\n\ndata: not whole'),
      breaksOffAfter('data: c\n\nid: 3 é\ndata: d\n\n'),
      answers(503),
      (response) => response.socket?.resetAndDestroy(),
      sends('id\ndata: e\n\n'),
    )
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    expect(await read(client.events('/', { reconnect: SOON }))).toEqual(['1:a', '2:b', '2:c', '3 é:d', ':e'])
    const utf8 = Buffer.from('3 é').toString('latin1')
    expect(server.requests.map(({ id }) => id)).toEqual([undefined, '2', utf8, utf8, utf8, undefined])
  })

  it('begin where the caller says', async () => {
    await using server = await serving()
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    expect(await read(client.events('/', { lastEventId: '41', method: 'POST', json: { q: 1 } }))).toEqual([])
    expect(server.requests[0]?.id).toBe('41')
  })

  it.each<[string, Turn, string, RegExp]>([
    [
      'another content type',
      answers(200, { 'content-type': 'text/html' }),
      'COMM_UNDECODABLE',
      /was answered 200 with 'text\/html', expected 200 with text\/event-stream$/,
    ],
    ['none', answers(200), 'COMM_UNDECODABLE', /was answered 200 with no content type/],
    ['another status', answers(202, STREAM), 'COMM_UNDECODABLE', /was answered 202/],
    ['404', answers(404), 'COMM_HTTP_STATUS', /was answered 404/],
    ['503 at first', answers(503), 'COMM_HTTP_STATUS', /was answered 503/],
  ])('end with an error for %s', async (_what, turn, code, message) => {
    await using server = await serving(turn)
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const error = await failureOf(read(client.events('/?token=s3cret', { reconnect: SOON })))
    expect(error).toMatchObject({ code })
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('s3cret')
    expect(server.requests).toHaveLength(1)
  })

  it('end when they are too large, those before having been given', async () => {
    await using server = await serving(sends(`data: small\n\ndata: ${'x'.repeat(200)}\n\n`))
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    const events = client.events('/', { maxEventBytes: 100, reconnect: SOON })
    expect((await events.next()).value).toMatchObject({ data: 'small' })
    expect(await failureOf(events.next())).toMatchObject({ code: 'COMM_TOO_LARGE', details: { maxEventBytes: 100 } })
  })

  it('end by an abort, also between two connections, and leave no listener', async () => {
    await using server = await serving(sends('data: a\n\n'), (response) => void response.writeHead(200, STREAM).flushHeaders())
    await using transport = make()
    await using client = new HttpClient({ baseUrl: server.url, transport })
    for (const reconnect of [{ delayMs: 60_000 }, SOON]) {
      server.requests.length = 0
      const caller = new AbortController()
      const events = client.events('/', { signal: caller.signal, reconnect })
      expect((await events.next()).value).toMatchObject({ data: 'a' })
      const next = failureOf(events.next())
      if (reconnect === SOON) await until(() => server.requests.length === 2)
      await new Promise((resolve) => setImmediate(resolve))
      caller.abort()
      expect(await next).toMatchObject({ code: 'COMM_ABORTED' })
      expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0)
    }
  })

  it('end when the client closes', async () => {
    await using server = await serving((response) => void response.writeHead(200, STREAM).write('data: a\n\n'))
    await using transport = make()
    const client = new HttpClient({ baseUrl: server.url, transport })
    const events = client.events('/')
    await events.next()
    const next = failureOf(events.next())
    await client.close()
    expect(await next).toMatchObject({ code: 'COMM_CLOSED' })
  })
})

describe('reconnecting', () => {
  it('gives up after so many failures in a row', async () => {
    const fails = answers(503)
    await using server = await serving(sends('data: a\n\n'), fails, fails, sends('data: b\n\n'), fails, fails, fails, fails)
    await using client = new HttpClient({ baseUrl: server.url })
    const events = client.events('/', { reconnect: { ...SOON, maxFailures: 2 } })
    expect(await events.next()).toMatchObject({ value: { data: 'a' } })
    expect(await events.next()).toMatchObject({ value: { data: 'b' } })
    expect(await failureOf(events.next())).toMatchObject({ status: 503 })
    expect(server.requests).toHaveLength(7)
  })

  it('waits as long as the server says, within reason', async () => {
    await using server = await serving(sends('retry: 3600000\ndata: a\n\n'), sends('retry: 0\ndata: b\n\n'), sends('data: c\n\n'))
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await read(client.events('/', { reconnect: { delayMs: 60_000, maxDelayMs: 5 } }))).toEqual([':a', ':b', ':c'])
  })

  it('does not take place when it is turned off', async () => {
    await using server = await serving(sends('data: a\n\n'), breaksOffAfter('data: b\n\n'))
    await using client = new HttpClient({ baseUrl: server.url })
    expect(await read(client.events('/', { reconnect: false }))).toEqual([':a'])
    expect(await failureOf(read(client.events('/', { reconnect: false })))).toMatchObject({ code: 'COMM_CONNECTION' })
    expect(server.requests).toHaveLength(2)
  })

  it('goes through the policies of the client', async () => {
    await using server = await serving(answers(503), sends('data: a\n\n'))
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    expect(await read(client.events('/', { reconnect: SOON }))).toEqual([':a'])
  })
})

it.each<[EventsOptions, string]>([
  [{ maxEventBytes: 0 }, 'events.maxEventBytes must be a finite number >= 1 or Infinity, got 0'],
  [{ lastEventId: 7 as unknown as string }, 'events.lastEventId must be a string, got 7'],
  [{ reconnect: true as unknown as false }, 'events.reconnect must be one of false or an object, got true'],
  [{ reconnect: { delayMs: -1 } }, 'events.reconnect.delayMs must be a finite number >= 0, got -1'],
])('options %j: %s', (options, message) => {
  const client = new HttpClient({ baseUrl: 'http://127.0.0.1:9' })
  expect(() => client.events('/', options)).toThrow(message)
})
