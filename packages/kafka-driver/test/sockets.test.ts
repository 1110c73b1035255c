import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Sockets } from '../src/sockets.ts'

let server: Server
beforeAll(async () => {
  server = createServer((client) => client.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => void server.close())

function open(onConnect: () => void) {
  const { factory } = new Sockets(
    (address) => address,
    () => undefined,
  )
  const { port } = server.address() as AddressInfo
  return factory({ host: '127.0.0.1', port, ssl: undefined as never, onConnect })
}

describe('a connection', () => {
  it('that was ended before it was there is never taken for one', async () => {
    let connected = 0
    const socket = open(() => connected++)
    socket.end()
    await once(socket, 'close')
    expect(connected).toBe(0)
  })

  it('that is closed gets no listener more, however often it is let go', async () => {
    const socket = open(() => socket.destroy())
    await once(socket, 'close')
    const before = socket.listenerCount('connect')
    socket.unref().unref()
    expect(socket.listenerCount('connect')).toBe(before)
  })
})
