import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLogger } from '@comm/core'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, rawService, service } from './support/services.ts'

describe('CONNECT', () => {
  const CONNECT = 'CONNECT shop.example.com:443 HTTP/1.1\r\nHost: shop.example.com:443\r\n\r\n'

  it('is refused to a client that resets the connection, and the gateway lives on', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url, path: '/users' } } })
    for (let each = 0; each < 20; each++) {
      const raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
      raw.write(CONNECT)
      if (each % 2 === 0) await raw.until('405')
      raw.socket.resetAndDestroy()
    }
    expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
  })

  it('keeps no connection whose client does not close its side', async () => {
    await using users = await service(echo)
    await using gateway = await gatewayFor({ services: { users: { url: users.url, path: '/users' } } })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    raw.write(CONNECT)
    await raw.untilClosed()
    expect((await gateway.stop()).problems).toEqual([])
  })
})

const ASKED =
  'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const REFUSED = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'

/** A service that says to each upgrade what a test wants. */
const answering = (answer: (socket: Socket) => void) => rawService((socket) => socket.once('data', () => answer(socket)))

describe('an open WebSocket', () => {
  it('of a service that ends it brings all that was sent before, however slowly the client reads, and whatever it still says', async () => {
    const LENGTH = 16 * 1024 * 1024
    await using chat = await answering((socket) => {
      socket.write(SWITCHED)
      socket.end(Buffer.alloc(LENGTH, 'a'))
    })
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } } })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    raw.socket.on('data', () => {
      raw.socket.pause()
      if (raw.received.length < LENGTH) raw.write('still here')
      setTimeout(() => raw.socket.resume(), 1)
    })
    raw.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\n`)
    await raw.untilClosed()
    expect(raw.received.split('\r\n\r\n')[1]?.length).toBe(LENGTH)
    raw.socket.end()
    await waitFor(() => gateway.inFlight === 0)
  }, 30_000)

  it('of a client that has said everything brings what the service says then, and counts it', async () => {
    await using chat = await answering((socket) => {
      socket.write(SWITCHED)
      socket.resume()
      socket.on('end', () => socket.end('the last word'))
    })
    const lines: unknown[] = []
    const logger = { ...silentLogger, isEnabled: () => true, info: (_: string, fields?: object) => void lines.push(fields) }
    await using gateway = await gatewayFor({ logger, services: { chat: { url: chat.url, path: '/chat' } } })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    raw.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\nhello`)
    await raw.until(' 101 ')
    raw.socket.end(' and bye')
    expect(await raw.untilClosed()).toMatch(/the last word$/)
    await waitFor(() => gateway.inFlight === 0)
    expect(lines.at(-1)).toMatchObject({ status: 101, upstream: 'chat', attempts: 1, bytesReceived: 13, bytesSent: 13 })
  })

  it('of a service that is silent after the client has ended it is cut after idleMs', async () => {
    await using chat = await answering((socket) => socket.write(SWITCHED))
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat', timeouts: { idleMs: 100 } } } })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    raw.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\n`)
    await raw.until(' 101 ')
    await delay(300)
    expect(gateway.inFlight).toBe(1)
    raw.socket.end()
    await waitFor(() => gateway.inFlight === 0)
  })

  it('is passed on by a route with a cache, and a refusal keeps its status where bodies are transformed', async () => {
    let answer = SWITCHED
    await using chat = await answering((socket) => socket.write(answer))
    await using gateway = await gatewayFor({
      services: { chat: { url: chat.url, path: false } },
      routes: [
        { path: '/cached', service: 'chat', cache: true },
        { path: '/transformed', service: 'chat', transform: { response: { body: (body) => `${body}!` } } },
      ],
    })
    await using cached = await RawConnection.to(gateway.url)
    cached.write(`GET /cached HTTP/1.1\r\n${ASKED}\r\n`)
    await cached.until(' 101 ')
    answer = REFUSED
    await using transformed = await RawConnection.to(gateway.url)
    transformed.write(`GET /transformed HTTP/1.1\r\n${ASKED}\r\n`)
    expect(await transformed.untilClosed()).toMatch(/^HTTP\/1\.1 403 [\s\S]*\r\n\r\nno!$/)
    cached.socket.resetAndDestroy()
  })

  it('begins without the fields of the service about its connection, and with one correlation id', async () => {
    const fields = 'Connection: Upgrade, X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\nX-Correlation-ID: theirs\r\n'
    await using chat = await answering((socket) =>
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n${fields}\r\nearly`),
    )
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } } })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET /chat HTTP/1.1\r\nX-Correlation-ID: ours\r\n${ASKED}\r\n`)
    const head = await raw.until('early')
    expect(head).not.toMatch(/x-hop|transfer-encoding|theirs/i)
    expect(head.match(/x-correlation-id: ours/gi)).toHaveLength(1)
    raw.socket.resetAndDestroy()
  })
})

describe('an upgrade', () => {
  it.each([
    ['that is not answered', {}, 504],
    ['that is not answered while the client waits', { 'X-Request-Timeout-Ms': '50' }, 504],
    ['whose service does not want to', {}, 403],
  ])('%s leaves nothing behind, also of a client that does not close its side', async (_, headers, status) => {
    await using chat = await answering((socket) => {
      if (status === 403) socket.write(REFUSED)
    })
    const responseMs = 'X-Request-Timeout-Ms' in headers ? 60_000 : 100
    await using gateway = await gatewayFor({
      services: { chat: { url: chat.url, path: '/chat', retry: false, timeouts: { responseMs } } },
    })
    await using raw = await RawConnection.to(gateway.url, { allowHalfOpen: true })
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    raw.write(`GET /chat HTTP/1.1\r\n${fields.join('')}${ASKED}\r\nearly`)
    expect(await raw.untilClosed()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*connection: close`, 'i'))
    await waitFor(() => gateway.inFlight === 0)
    expect(gateway.services['chat']?.inFlight).toBe(0)
  })

  it('whose client has left is given up at the service, and counts against nobody', async () => {
    let given = 0
    await using chat = await answering((socket) =>
      socket
        .resume()
        .once('close', () => given++)
        .once('end', () => socket.end()),
    )
    const strict = { breaker: { consecutiveFailures: 1 }, outlierDetection: { consecutiveFailures: 1 } }
    await using gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat', ...strict } } })
    for (let each = 1; each <= 3; each++) {
      const raw = await RawConnection.to(gateway.url)
      raw.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\nearly`)
      await waitFor(() => gateway.services['chat']?.inFlight === 1)
      await raw[Symbol.asyncDispose]()
      await waitFor(() => given === each && gateway.inFlight === 0)
    }
    expect(gateway.services['chat']).toMatchObject({ available: 1, inFlight: 0 })
  })
})

describe('a gateway that stops', () => {
  it('answers upgrades that are under way, and waits for open WebSockets', async () => {
    const asked: Socket[] = []
    await using chat = await answering((socket) => void asked.push(socket))
    const gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } }, stopBudgetMs: 20_000 })
    await using open = await RawConnection.to(gateway.url)
    open.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\n`)
    await waitFor(() => asked.length === 1)
    asked[0]?.write(SWITCHED)
    await open.until(' 101 ')
    await using pending = await RawConnection.to(gateway.url)
    pending.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\n`)
    await waitFor(() => asked.length === 2)
    const stopping = gateway.stop()
    await delay(20)
    asked[1]?.write(REFUSED)
    expect(await pending.untilClosed()).toMatch(/^HTTP\/1\.1 403 /)
    asked[0]?.end('and bye')
    expect(await open.untilClosed()).toMatch(/and bye$/)
    expect((await stopping).problems).toEqual([])
  })

  it('cuts WebSockets that stay open within its budget, and says so', async () => {
    await using chat = await answering((socket) => socket.write(SWITCHED))
    const gateway = await gatewayFor({ services: { chat: { url: chat.url, path: '/chat' } }, stopBudgetMs: 200 })
    await using raw = await RawConnection.to(gateway.url)
    raw.write(`GET /chat HTTP/1.1\r\n${ASKED}\r\n`)
    await raw.until(' 101 ')
    const { problems } = await gateway.stop()
    expect(problems).toMatchObject([{ phase: 'drain' }])
    await raw.untilClosed()
    expect(gateway.inFlight).toBe(0)
  })
})
