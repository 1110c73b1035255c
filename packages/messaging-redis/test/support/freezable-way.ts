import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface FreezableWay extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** From now on nothing passes on connections that this command was sent over; new ones are well. */
  freeze(command: string): void
}

/** A way to a server on which single connections die without a word. */
export async function freezableWay(target: { readonly host?: string; readonly port?: number }): Promise<FreezableWay> {
  const open = new Map<Socket, { readonly there: Socket; sent: string }>()
  const server = createServer((here) => {
    const there = connect(target.port as number, target.host as string)
    const connection = { there, sent: '' }
    open.set(here, connection)
    here.on('data', (bytes) => {
      connection.sent += bytes.toString('latin1')
    })
    for (const socket of [here, there]) socket.on('error', () => undefined)
    here.once('close', () => {
      open.delete(here)
      there.destroy()
    })
    there.once('close', () => here.destroy())
    here.pipe(there)
    there.pipe(here)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    freeze(command) {
      for (const [here, { there, sent }] of open) {
        if (!sent.includes(command)) continue
        here.unpipe(there)
        there.unpipe(here)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const here of open.keys()) here.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
