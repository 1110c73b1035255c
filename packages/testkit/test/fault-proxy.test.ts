import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type FaultProxy, startFaultProxy } from '@comm/testkit/fault-proxy'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { waitFor } from '../src/wait-for.ts'

let echo: Server
let proxy: FaultProxy
const targets = new Set<Socket>()
const clients = new Set<Client>()

/** A client that notes what it received and how its connection ended. */
class Client {
  readonly socket: Socket
  received = ''
  ended: 'open' | 'fin' | 'error' = 'open'
  error: string | undefined

  constructor(port: number) {
    clients.add(this)
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.setEncoding('utf8')
    this.socket.on('data', (text) => {
      this.received += text
    })
    this.socket.on('end', () => {
      this.ended = 'fin'
    })
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ended = 'error'
      this.error = error.code
    })
  }

  async says(text: string): Promise<void> {
    this.socket.write(text)
    await waitFor(() => this.received.endsWith(text), { what: `the echo of ${text.slice(0, 20)}` })
  }
}

beforeEach(async () => {
  echo = createServer((socket) => {
    targets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => targets.delete(socket))
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: (echo.address() as AddressInfo).port } })
})

afterEach(async () => {
  for (const client of clients) client.socket.destroy()
  clients.clear()
  await proxy.close()
  for (const socket of targets) socket.destroy()
  await new Promise((resolve) => echo.close(resolve))
})

async function connected(): Promise<Client> {
  const client = new Client(proxy.port)
  await client.says('hello')
  return client
}

describe('startFaultProxy', () => {
  it('passes bytes both ways, whole and in order, and counts connections', async () => {
    const client = await connected()
    const text = Array.from({ length: 200_000 }, (_, index) => `${index},`).join('')
    client.socket.write(text)
    await waitFor(() => client.received.length === 'hello'.length + text.length)
    expect(client.received).toBe(`hello${text}`)
    expect(proxy.connections).toBe(1)
    client.socket.end()
    await waitFor(() => client.ended === 'fin' && proxy.connections === 0 && targets.size === 0)
  })

  it('keeps the answer to a client that has finished sending', async () => {
    const client = new Client(proxy.port)
    client.socket.end('last words')
    await waitFor(() => client.ended === 'fin')
    expect(client.received).toBe('last words')
  })

  it('cuts in good order, on both sides, and lets new connections pass', async () => {
    const client = await connected()
    proxy.cut()
    await waitFor(() => client.ended !== 'open' && targets.size === 0 && proxy.connections === 0)
    expect(client.ended).toBe('fin')
    await connected()
  })

  it('resets both sides', async () => {
    const client = await connected()
    const target = [...targets][0]!
    const failed = once(target, 'error')
    proxy.reset()
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' })
    await waitFor(() => client.ended === 'error')
    expect(client.error).toBe('ECONNRESET')
    await connected()
  })

  it('refuses on the same port until healed', async () => {
    const client = await connected()
    const { port } = proxy
    await proxy.refuse()
    const refused = new Client(port)
    await waitFor(() => refused.ended === 'error' && client.ended === 'fin')
    expect(refused.error).toBe('ECONNREFUSED')
    await proxy.refuse()
    await proxy.heal()
    await proxy.heal()
    expect(proxy.port).toBe(port)
    await connected()
  })

  it('delays each way, also what is under way when healed', async () => {
    const client = await connected()
    proxy.delay(100)
    const since = performance.now()
    await client.says('late')
    expect(performance.now() - since).toBeGreaterThanOrEqual(195)
    proxy.delay(60_000)
    client.socket.write('much later')
    await proxy.heal()
    await waitFor(() => client.received.endsWith('much later'))
  })

  it('throttles each way', async () => {
    const client = await connected()
    proxy.throttle(100_000)
    const since = performance.now()
    await client.says('x'.repeat(20_000))
    expect(performance.now() - since).toBeGreaterThanOrEqual(180)
  })

  it('holds everything back while half open, and passes it in order once healed', async () => {
    const client = await connected()
    proxy.halfOpen()
    client.socket.write('one ')
    const later = new Client(proxy.port)
    later.socket.write('two')
    await waitFor(() => proxy.connections === 2)
    client.socket.write('and more')
    await expect(waitFor(() => client.received !== 'hello' || later.received !== '', { timeoutMs: 50 })).rejects.toThrow()
    expect([client.ended, later.ended]).toEqual(['open', 'open'])
    await proxy.heal()
    await waitFor(() => client.received === 'helloone and more' && later.received === 'two')
  })

  it('stops reading from a side that sends more than the other takes', async () => {
    const client = await connected()
    proxy.halfOpen()
    const chunk = Buffer.alloc(1024 * 1024)
    await waitFor(() => !client.socket.write(chunk) && client.socket.writableLength > 8 * chunk.length)
  })

  it('resets a client whose target does not listen', async () => {
    for (const socket of targets) socket.destroy()
    await new Promise((resolve) => echo.close(resolve))
    const client = new Client(proxy.port)
    await waitFor(() => client.ended === 'error' && proxy.connections === 0)
    expect(client.error).toBe('ECONNRESET')
  })

  it('leaves nothing behind when closed, twice, in the middle of faults', async () => {
    const client = await connected()
    proxy.delay(60_000)
    client.socket.write('never')
    await proxy.close()
    await proxy.close()
    await proxy.heal()
    await waitFor(() => client.ended === 'fin' && proxy.connections === 0)
    const refused = new Client(proxy.port)
    await waitFor(() => refused.error === 'ECONNREFUSED')
  })
})
