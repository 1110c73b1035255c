import { getEventListeners } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { CommunicationError, ConnectionError, TimeoutError } from '@comm/core'
import { gotTransport, type HttpTransport, type TransportRequest } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { bodyOf, type Echoed, echo, failureOf, localServer, until } from './support/local-server.ts'

function request(url: string, change: Partial<TransportRequest> = {}): TransportRequest {
  return {
    method: 'GET',
    url: new URL(url),
    headers: {},
    collect: 'bytes',
    maxBytes: 1_000_000,
    timeouts: { connectMs: 30_000, writeMs: 30_000, readMs: 30_000 },
    deadlineAt: Number.POSITIVE_INFINITY,
    ...change,
  }
}

async function text(transport: HttpTransport, sent: TransportRequest): Promise<string> {
  const { body } = await transport.send(sent, undefined)
  if (body instanceof Uint8Array) return Buffer.from(body).toString()
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks).toString()
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('the transport on %s', (library, make) => {
  describe('an exchange', () => {
    it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'])('%s reaches the server as it is', async (method) => {
      await using server = await localServer(echo)
      await using transport = make()
      const answer = JSON.parse(
        await text(transport, request(`${server.url}/x?y=1`, { method, headers: { 'x-one': '1' } })),
      ) as Echoed
      expect(answer).toMatchObject({ method, url: '/x?y=1', headers: { 'x-one': '1' }, body: '' })
    })

    it.each<[string, TransportRequest['body']]>([
      ['bytes', Buffer.from('hello')],
      ['a stream', Readable.from(['hel', 'lo'], { objectMode: false })],
      ['a function', () => Readable.from(['hel', 'lo'], { objectMode: false })],
    ])('sends a body of %s', async (_kind, body) => {
      await using server = await localServer(echo)
      await using transport = make()
      const answer = await text(transport, request(server.url, { method: 'POST', ...(body === undefined ? {} : { body }) }))
      expect((JSON.parse(answer) as Echoed).body).toBe('hello')
    })

    it.each([0, 1, 65_536, 65_537, 300_000])('says how long a body of %i bytes is, and sends all of it', async (length) => {
      await using server = await localServer(echo)
      await using transport = make()
      const body = Buffer.alloc(length + 10, 'abcdefg').subarray(10)
      const answer = JSON.parse(await text(transport, request(server.url, { method: 'POST', body }))) as Echoed
      expect(answer.headers).toMatchObject({ 'content-length': String(length) })
      expect(answer.headers).not.toHaveProperty('transfer-encoding')
      expect(answer.body).toBe(body.toString())
    })

    it('sends no headers of its own but those that frame the message', async () => {
      await using server = await localServer(echo)
      await using transport = make()
      const { headers } = JSON.parse(await text(transport, request(server.url, { headers: { 'x-one': '1' } }))) as Echoed
      expect(Object.keys(headers).sort()).toEqual(['connection', 'host', 'x-one'])
    })

    it('gives the status, the headers and the undecoded body', async () => {
      await using server = await localServer((_request, response) => {
        response.writeHead(418, { 'content-encoding': 'gzip', 'x-two': ['a', 'b'] }).end('not really gzip')
      })
      await using transport = make()
      const { status, headers, body } = await transport.send(request(server.url), undefined)
      expect(status).toBe(418)
      expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'x-two': 'a, b' })
      expect(Buffer.from(body as Uint8Array).toString()).toBe('not really gzip')
    })

    it('does not follow a redirect', async () => {
      await using server = await localServer((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end())
      await using transport = make()
      expect((await transport.send(request(server.url), undefined)).status).toBe(302)
    })

    it('streams a body as it arrives, and slows the server down when nobody reads', async () => {
      const megabyte = Buffer.alloc(1 << 20)
      let written = 0
      await using server = await localServer((_request, response) => {
        const write = (): void => {
          while (written < 64) {
            written++
            if (!response.write(megabyte)) return void response.once('drain', write)
          }
          response.end()
        }
        write()
      })
      await using transport = make()
      const answer = await transport.send(
        request(server.url, { collect: 'stream', maxBytes: Number.POSITIVE_INFINITY }),
        undefined,
      )
      const body = answer.body as Readable
      const firstBytes = (await body[Symbol.asyncIterator]().next()).value as Uint8Array
      expect(firstBytes.byteLength).toBeGreaterThan(0)
      expect(written).toBeLessThan(64)
      body.destroy()
    })
  })

  describe('connections', () => {
    it('are kept, counted, and closed by disposal', async () => {
      await using server = await localServer(echo)
      const transport = make()
      await text(transport, request(server.url))
      expect(transport.stats()).toEqual({ open: 1, idle: 1, pending: 0 })
      await transport[Symbol.asyncDispose]()
      expect(transport.stats()).toEqual({ open: 0, idle: 0, pending: 0 })
    })

    it('are at most maxConnections; more requests wait', async () => {
      const held: (() => void)[] = []
      await using server = await localServer((_request, response) => {
        held.push(() => response.end())
      })
      await using transport = make({ maxConnections: 3, maxKeepaliveConnections: 1 })
      const answers = Array.from({ length: 9 }, () => text(transport, request(server.url)))
      for (let round = 1; round <= 3; round++) {
        await until(() => held.length === 3)
        expect(transport.stats()).toEqual({ open: 3, idle: 0, pending: 9 - 3 * round })
        for (const answer of held.splice(0)) answer()
      }
      await Promise.all(answers)
      await until(() => transport.stats().open === 1)
      expect(transport.stats()).toEqual({ open: 1, idle: 1, pending: 0 })
    })

    it('that are idle are closed after keepaliveExpiryMs', async () => {
      await using server = await localServer(echo)
      await using transport = make({ keepaliveExpiryMs: 20 })
      await text(transport, request(server.url))
      expect(transport.stats().idle).toBe(1)
      await until(() => transport.stats().open === 0)
    })

    it('are not closed under a request: disposal waits for it, and refuses new ones', async () => {
      let answer: () => void = () => undefined
      const arrived = Promise.withResolvers<void>()
      await using server = await localServer((_request, response) => {
        answer = () => response.end('late')
        arrived.resolve()
      })
      const transport = make()
      const pending = text(transport, request(server.url))
      await arrived.promise
      const disposed = transport[Symbol.asyncDispose]()
      expect(await failureOf(transport.send(request(server.url), undefined))).toMatchObject({ code: 'COMM_CLOSED' })
      answer()
      expect(await pending).toBe('late')
      await disposed
      await transport[Symbol.asyncDispose]()
    })
  })

  describe('a failure', () => {
    it('to connect says that nothing was sent', async () => {
      const server = await localServer(echo)
      await server[Symbol.asyncDispose]()
      await using transport = make()
      const error = await failureOf(
        transport.send(request(`${server.url}/x?token=s3cret`, { headers: { authorization: 's3cret' } }), undefined),
      )
      expect(error).toBeInstanceOf(ConnectionError)
      expect(error).toMatchObject({ retryable: true, details: { sent: 'no', reused: false, system: 'ECONNREFUSED' } })
      expect(JSON.stringify(error) + String(error)).not.toContain('s3cret')
    })

    it('to find the host says that nothing was sent', async () => {
      await using transport = make()
      const error = await failureOf(transport.send(request('http://no-such-host.invalid/'), undefined))
      expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { sent: 'no' } })
    })

    it.each(['bytes', 'stream'] as const)(
      'in the middle of the body (%s) says that the request may have been seen',
      async (collect) => {
        await using server = await localServer((_request, response) => {
          response.writeHead(200, { 'content-length': '100' })
          response.write('part')
          setImmediate(() => response.socket?.resetAndDestroy())
        })
        await using transport = make()
        await text(transport, request(server.url)).catch(() => undefined)
        const error = await failureOf(text(transport, request(server.url, { collect })))
        expect(error).toBeInstanceOf(ConnectionError)
        expect(error).toMatchObject({ details: { sent: 'maybe', reused: false } })
      },
    )

    it('of a server that does not speak HTTP is told, and is not worth a retry', async () => {
      const server = createServer((socket) => socket.on('data', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n')))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      await using transport = make()
      const error = await failureOf(
        transport.send(request(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), undefined),
      )
      server.close()
      expect(error).toMatchObject({ code: 'COMM_CONNECTION', retryable: false })
      expect(String(error)).toContain('an answer that is not HTTP')
    })

    it('of the body that is sent is told as such', async () => {
      await using server = await localServer((incoming, response) => {
        bodyOf(incoming).then(
          () => response.end(),
          () => undefined,
        )
      })
      await using transport = make()
      const body = Readable.from(
        (async function* () {
          yield Buffer.from('begin')
          throw new Error('the disk is gone')
        })(),
        { objectMode: false },
      )
      const error = await failureOf(transport.send(request(server.url, { method: 'POST', body }), undefined))
      expect(error).toBeInstanceOf(CommunicationError)
      expect(error).not.toBeInstanceOf(ConnectionError)
      expect(String(error)).toContain('its body could not be read: the disk is gone')
    })

    it.each(['bytes', 'stream'] as const)('to stay under maxBytes (%s) ends the exchange', async (collect) => {
      await using server = await localServer((_request, response) => {
        response.write(Buffer.alloc(2000))
        response.end(Buffer.alloc(2000))
      })
      await using transport = make()
      expect(await failureOf(text(transport, request(server.url, { collect, maxBytes: 3999 })))).toMatchObject({
        code: 'COMM_TOO_LARGE',
      })
      expect(await text(transport, request(server.url, { collect, maxBytes: 4000 }))).toHaveLength(4000)
    })

    it('to stay under maxBytes is noticed before the body is read, when it says its length', async () => {
      await using server = await localServer((_request, response) => {
        response.writeHead(200, { 'content-length': '5000' })
        response.flushHeaders()
      })
      await using transport = make()
      expect(await failureOf(text(transport, request(server.url, { maxBytes: 4999 })))).toMatchObject({ code: 'COMM_TOO_LARGE' })
    })
  })

  describe('a time limit', () => {
    it('on the connection counts the wait for a free one', async () => {
      await using server = await localServer(() => undefined)
      await using transport = make({ maxConnections: 1 })
      const blocker = new AbortController()
      const blocked = failureOf(transport.send(request(server.url), blocker.signal))
      const error = await failureOf(
        transport.send(request(server.url, { timeouts: { connectMs: 30, writeMs: 30_000, readMs: 30_000 } }), undefined),
      )
      blocker.abort()
      await blocked
      expect(error).toBeInstanceOf(TimeoutError)
      expect(error).toMatchObject({ details: { limit: 'connect', limitMs: 30, sent: 'no' } })
      expect(String(error)).toContain('timed out waiting for a connection after 30 ms (connectMs)')
    })

    it('on sending holds while the server does not read', async () => {
      await using server = await localServer(() => undefined)
      server.server.on('connection', (socket: Socket) => socket.pause())
      await using transport = make()
      const body = (): Readable =>
        new Readable({
          read() {
            this.push(Buffer.alloc(1 << 16))
          },
        })
      const error = await failureOf(
        transport.send(
          request(server.url, { method: 'POST', body, timeouts: { connectMs: 30_000, writeMs: 50, readMs: 30_000 } }),
          undefined,
        ),
      )
      expect(error).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'write', sent: 'maybe' } })
    })

    it.each(['bytes', 'stream'] as const)('on reading holds for the headers and between two pieces (%s)', async (collect) => {
      await using server = await localServer((incoming, response) => {
        if (incoming.url === '/headers') return
        response.write('a piece, and then nothing')
      })
      await using transport = make()
      const timeouts = { connectMs: 30_000, writeMs: 30_000, readMs: 30 }
      for (const path of ['/headers', '/body']) {
        const error = await failureOf(text(transport, request(server.url + path, { collect, timeouts })))
        expect(error).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'read', sent: 'maybe' } })
      }
    })

    it('does not blame the server for a reader that takes its time', async () => {
      await using server = await localServer((_request, response) => {
        response.end(Buffer.alloc(1 << 20))
      })
      const clock = new TestClock()
      await using transport = make({ clock })
      const { body } = await transport.send(request(server.url, { collect: 'stream', maxBytes: 1 << 21 }), undefined)
      await clock.advance(60_000)
      let received = 0
      for await (const chunk of body as Readable) received += (chunk as Uint8Array).byteLength
      expect(received).toBe(1 << 20)
      expect(clock.pendingTimers).toBe(0)
    })

    it('by the deadline holds for a body that trickles', async () => {
      let trickle: NodeJS.Timeout | undefined
      await using server = await localServer((_request, response) => {
        trickle = setInterval(() => response.write('.'), 5)
        response.once('close', () => clearInterval(trickle))
      })
      await using transport = make()
      const error = await failureOf(text(transport, request(server.url, { deadlineAt: performance.now() + 60 })))
      expect(error).toMatchObject({ code: 'COMM_TIMEOUT', details: { limit: 'total' } })
    })
  })

  describe('the signal', () => {
    it('ends an exchange with its reason, and reaches the server', async () => {
      const gone = Promise.withResolvers<void>()
      const arrived = Promise.withResolvers<void>()
      await using server = await localServer((_request, response) => {
        response.once('close', () => gone.resolve())
        arrived.resolve()
      })
      await using transport = make()
      const controller = new AbortController()
      const failure = failureOf(transport.send(request(server.url), controller.signal))
      await arrived.promise
      const reason = new Error('enough')
      controller.abort(reason)
      expect(await failure).toBe(reason)
      await gone.promise
      expect(await failureOf(transport.send(request(server.url), controller.signal))).toBe(reason)
    })

    it('ends an exchange also where it aborts while the body is being made', async () => {
      await using server = await localServer(echo)
      await using transport = make({ clock: new TestClock() })
      await text(transport, request(server.url))
      const controller = new AbortController()
      const reason = new Error('enough')
      const body = (): Readable => {
        controller.abort(reason)
        return new Readable({ read: () => undefined })
      }
      expect(await failureOf(transport.send(request(server.url, { method: 'POST', body }), controller.signal))).toBe(reason)
    })

    it('has no listener left after 1,000 exchanges that share it, well or badly ended', async () => {
      await using server = await localServer((incoming, response) => {
        if (incoming.url === '/reset') response.socket?.resetAndDestroy()
        else response.end('fine')
      })
      await using transport = make({ maxConnections: 20 })
      const { signal } = new AbortController()
      const one = async (index: number): Promise<void> => {
        const path = index % 10 === 0 ? '/reset' : '/'
        const collect = index % 3 === 0 ? 'stream' : 'bytes'
        const { body } = await transport.send(request(server.url + path, { collect }), signal)
        if (body instanceof Readable) for await (const _chunk of body);
      }
      for (let batch = 0; batch < 20; batch++) {
        await Promise.allSettled(Array.from({ length: 50 }, (_, index) => one(index)))
      }
      expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    })
  })

  describe('a hostile server', () => {
    /** Answers each connection with these bytes, as they are. */
    async function rawServer(answer: (socket: Socket, request: string) => void): Promise<{ url: string } & AsyncDisposable> {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.on('data', (data) => answer(socket, String(data)))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
      }
    }

    it.each(['bytes', 'stream'] as const)('that breaks off in the middle of a chunk has not answered (%s)', async (collect) => {
      await using server = await rawServer((socket) => {
        socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nonly half')
      })
      await using transport = make()
      const error = await failureOf(text(transport, request(server.url, { collect })))
      expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { sent: 'maybe' } })
    })

    it.each(['bytes', 'stream'] as const)('that says a length and sends less has not answered (%s)', async (collect) => {
      await using server = await rawServer((socket) => {
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort')
      })
      await using transport = make()
      expect(await failureOf(text(transport, request(server.url, { collect })))).toMatchObject({ code: 'COMM_CONNECTION' })
    })

    it.each([
      ['two lengths', 'content-length: 1\r\ncontent-length: 2'],
      ['a length that is none', 'content-length: many'],
      ['a length beside chunks', 'transfer-encoding: chunked\r\ncontent-length: 3'],
      ['a field without a name', ': nothing'],
      [
        'more fields than anybody wants',
        Array.from({ length: 5000 }, (_, at) => `x-flood-${at}: ${'x'.repeat(20)}`).join('\r\n'),
      ],
    ])('that answers with %s is refused, and not asked again', async (_, fields) => {
      await using server = await rawServer((socket) => socket.end(`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`))
      await using transport = make()
      expect(await failureOf(text(transport, request(server.url)))).toMatchObject({ code: 'COMM_CONNECTION', retryable: false })
    })

    it('that sends its headers byte by byte runs into the limit for reading, or is heard to the end', async () => {
      await using server = await rawServer((socket) => {
        const bytes = [...'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok']
        const drip = (): void => {
          const next = bytes.shift()
          if (next !== undefined && !socket.destroyed) socket.write(next, () => setTimeout(drip, 1))
        }
        drip()
      })
      await using transport = make()
      expect(await text(transport, request(server.url))).toBe('ok')
    })

    it('that closes a kept connection when it is used again is told from one that is down', async () => {
      let requests = 0
      await using server = await rawServer((socket) => {
        if (++requests === 2) socket.resetAndDestroy()
        else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
      await using transport = make()
      await text(transport, request(server.url))
      await until(() => transport.stats().idle === 1)
      const error = await failureOf(text(transport, request(server.url)))
      expect(error).toMatchObject({ code: 'COMM_CONNECTION', details: { sent: 'maybe', reused: true } })
      expect(await text(transport, request(server.url))).toBe('ok')
    })

    it('that answers before it was asked everything is heard', async () => {
      await using server = await rawServer((socket) => {
        socket.end('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno')
      })
      await using transport = make()
      const body = Readable.from(
        Array.from({ length: 3 }, () => Buffer.alloc(1000)),
        { objectMode: false },
      )
      const outcome = await transport
        .send(request(server.url, { method: 'POST', body }), undefined)
        .catch((error: unknown) => error)
      // Whether the answer or the reset comes first is the network's affair.
      expect(outcome).toEqual(
        expect.objectContaining((outcome as object) instanceof Error ? { code: 'COMM_CONNECTION' } : { status: 413 }),
      )
    })

    it('that announces its answer first (103) is waited for', async () => {
      await using server = await rawServer((socket) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
      await using transport = make()
      expect(await text(transport, request(server.url))).toBe('ok')
    })

    it('that says fields twice gets them joined as Node joins them', async () => {
      await using server = await rawServer((socket) => {
        socket.write(
          'HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\ncontent-type: text/a\r\ncontent-type: text/b\r\nvary: x\r\nvary: y\r\ncontent-length: 0\r\n\r\n',
        )
      })
      await using transport = make()
      const { headers } = await transport.send(request(server.url), undefined)
      expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'content-type': 'text/a', vary: 'x, y' })
    })
  })

  it('says who moves the bytes', async () => {
    await using transport = make()
    expect(transport.name).toBe(library)
  })
})
