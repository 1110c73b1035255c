import { createHash, randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { gatewayFor, service } from './support/services.ts'

const MIB = 1024 * 1024
/** `COMM_TEST_LONG=1` is the whole GiB. */
const STREAMED_BYTES = process.env['COMM_TEST_LONG'] === '1' ? 1024 * MIB : 128 * MIB
const BLOCK = randomBytes(64 * 1024)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is in use, without what waits to be collected. */
function bytesHeld(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function* blocks(): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < STREAMED_BYTES; sent += BLOCK.byteLength) yield BLOCK
}

describe('a body', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at))

  it.each([
    ['that comes with its length', [bytes], true],
    ['in pieces, with its length', [bytes.subarray(0, 100), bytes.subarray(100)], true],
    ['of unknown length', [bytes], false],
  ])('%s arrives byte by byte as it is', async (_, pieces, isDeclared) => {
    await using files = await service(async (_request, response) => {
      response.writeHead(200, isDeclared ? { 'content-length': bytes.byteLength } : {})
      for (const piece of pieces) await new Promise((resolve) => response.write(piece, resolve))
      response.end()
    })
    await using gateway = await gatewayFor({ services: { files: { url: files.url, path: '/files' } } })
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${gateway.url}/files`, { method })
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(method === 'GET' ? bytes : Buffer.of())
      expect(answer.headers.get('content-length')).toBe(isDeclared ? '256' : null)
    }
  })
})

describe('a long stream', () => {
  it('passes both ways at once in flat memory', async () => {
    await using mirror = await service((request, response) => {
      response.writeHead(200)
      request.pipe(response)
    })
    await using gateway = await gatewayFor({ services: { mirror: { url: mirror.url, path: '/mirror' } } })
    const asked = httpRequest(`${gateway.url}/mirror`, { method: 'POST' })
    Readable.from(blocks(), { objectMode: false, highWaterMark: 64 * 1024 }).pipe(asked)
    const answer = await new Promise<IncomingMessage>((resolve, reject) => asked.once('response', resolve).once('error', reject))
    const held: number[] = []
    let [bytes, looked] = [0, 0]
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).byteLength
      if (bytes - looked < 8 * MIB) continue
      looked = bytes
      held.push(bytesHeld())
    }
    expect(bytes).toBe(STREAMED_BYTES)
    expect(held.length).toBeGreaterThan(STREAMED_BYTES / MIB / 16)
    // What the collector gives back in the background goes up and down by 40 MiB, however much has passed.
    expect(Math.max(...held) - Math.min(...held)).toBeLessThan(64 * MIB)
  }, 300_000)

  it('waits for a client that reads slowly', async () => {
    let written = 0
    await using fast = await service((_, response) => {
      const go = (): void => {
        while (written < 64 * MIB) {
          written += BLOCK.byteLength
          if (!response.write(BLOCK)) {
            response.once('drain', go)
            return
          }
        }
        response.end()
      }
      go()
    })
    await using gateway = await gatewayFor({ services: { fast: { url: fast.url, path: '/fast' } } })
    const answer = await new Promise<IncomingMessage>((resolve) => httpRequest(`${gateway.url}/fast`, resolve).end())
    answer.pause()
    let last = -1
    await waitFor(
      () => {
        const isStill = written === last && written > 0
        last = written
        return isStill
      },
      { intervalMs: 300, what: 'a service that waits' },
    )
    expect(written).toBeLessThan(48 * MIB)
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).byteLength
      hash.update(chunk as Buffer)
    }
    const whole = createHash('sha256')
    for (let at = 0; at < 64 * MIB; at += BLOCK.byteLength) whole.update(BLOCK)
    expect([bytes, hash.digest('hex')]).toEqual([64 * MIB, whole.digest('hex')])
  })
})

describe('server-sent events', () => {
  it('10,000 come through, each when it is sent', async () => {
    let sendRest: (() => void) | undefined
    await using events = await service((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('id: 0\ndata: first\n\n')
      sendRest = () => {
        for (let id = 1; id < 10_000; id++) response.write(`id: ${id}\ndata: event ${id}\n\n`)
        response.end()
      }
    })
    await using gateway = await gatewayFor({ services: { events: { url: events.url, path: '/events' } } })
    const answer = await fetch(`${gateway.url}/events`)
    const reader = (answer.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader()
    let text = (await reader.read()).value ?? ''
    expect(text).toBe('id: 0\ndata: first\n\n')
    sendRest?.()
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, id) => id))
  })
})

const HANDSHAKE =
  'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

describe('WebSocket', () => {
  /** Speaks just enough of RFC 6455: the handshake, and frames sent back unmasked or not, as they came. */
  const speaking = async () => {
    const own = await service((_, response) => response.writeHead(426).end('upgrade'))
    own.server.on('upgrade', (request, socket) => {
      const key = String(request.headers['sec-websocket-key'])
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      )
      socket.on('error', () => undefined)
      socket.pipe(socket)
    })
    return own
  }

  it('frames pass both ways, those that came with the handshake too', async () => {
    await using chat = await speaking()
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } } })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET /chat/room HTTP/1.1\r\n${HANDSHAKE}\r\nearly`)
    expect(await raw.until('early')).toMatch(/^HTTP\/1\.1 101 [\s\S]*sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i)
    raw.write('\x81\x05hello')
    await raw.until('\x81\x05hello')
    raw.socket.end()
    await waitFor(() => gateway.inFlight === 0)
  })

  it('Node speaks it with an echo through the gateway', async () => {
    await using chat = await speaking()
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } } })
    const opened = new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/chat`)
      socket.onopen = () => resolve(socket)
      socket.onerror = () => reject(new Error('not opened'))
    })
    const socket = await opened
    expect(socket.readyState).toBe(WebSocket.OPEN)
    socket.close()
  })

  it.each([
    ['a service that does not want to', '/plain', 426, 'upgrade'],
    ['a path that no route has', '/nowhere', 404, 'COMM_REFUSED'],
    ['a service that is not there', '/gone', 502, 'COMM_CONNECTION'],
    ['a route that passes none on', '/closed', 403, 'COMM_REFUSED'],
    ['a route of several services', '/both', 403, 'COMM_REFUSED'],
    ['a route of several services behind a limit', '/limited', 403, 'COMM_REFUSED'],
  ])('%s is answered as any request', async (_, path, status, text) => {
    await using plain = await service((_request, response) => response.writeHead(426).end('upgrade'))
    await using gateway = await gatewayFor({
      services: { plain: { url: plain.url, path: '/plain' }, gone: { url: 'http://127.0.0.1:1', path: '/gone', retry: false } },
      routes: [
        { path: '/closed', service: 'plain', websocket: false },
        { path: '/both', aggregate: { one: { service: 'plain', path: '/1' }, other: { service: 'gone', path: '/2' } } },
        { path: '/limited', rateLimit: { perSecond: 9 }, cache: true, aggregate: { one: { service: 'plain', path: '/1' } } },
      ],
    })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET ${path} HTTP/1.1\r\n${HANDSHAKE}\r\n`)
    const answered = await raw.untilClosed()
    expect(answered).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answered).toContain(text)
  })
})
