import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Endpoint } from '@comm/core'
import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs'

const KEEP_ALIVE_MS = 60_000

/** The connections of one kafkajs client, so that they can be watched, and cut when a broker does not answer. */
export class Sockets {
  readonly #open = new Set<Socket>()
  readonly #translate: (server: Endpoint) => Endpoint
  readonly #onClose: () => void
  #cut: Error | undefined

  constructor(translate: (server: Endpoint) => Endpoint, onClose: () => void) {
    this.#translate = translate
    this.#onClose = onClose
  }

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }: ISocketFactoryArgs) => {
    if (this.#cut !== undefined) throw this.#cut
    // Half open: only then is it told apart who ended it.
    const target = { ...this.#translate({ host, port }), allowHalfOpen: true }
    const servername = isIP(host) === 0 ? { servername: host } : undefined
    const connected = (): void => {
      // One that took longer than it may: kafkajs has ended it, and would take its own connection for a new one.
      if (socket.writableEnded) socket.destroy()
      else onConnect()
    }
    const socket = ssl ? connectTls({ ...target, ...servername, ...ssl }, connected) : connect(target, connected)
    socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true)
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      if (this.#cut === undefined) this.#onClose()
    })
    failInsteadOfEnd(socket)
    unrefOnlyAlive(socket)
    return socket
  }

  get isCut(): boolean {
    return this.#cut !== undefined
  }

  /** Cuts every connection, and lets no other be made. */
  cut(reason: Error): void {
    this.#cut = reason
    for (const socket of this.#open) socket.destroy(reason)
  }
}

/**
 * kafkajs forgets a broker whose connection ends, and its consumer gives up when none is left; a connection that fails it makes again. So
 * it must not see the end.
 */
function failInsteadOfEnd(socket: Socket): void {
  const on = socket.on.bind(socket)
  on('end', () => {
    const isOurs = socket.writableEnded
    socket.destroy(isOurs ? undefined : Object.assign(new Error('the broker closed the connection'), { code: 'ECONNRESET' }))
  })
  socket.on = ((event: string, listener: (...args: unknown[]) => void) => {
    if (event === 'end') return socket
    // What comes late on a connection that kafkajs has ended would get into the answers of the next one.
    if (event === 'data') return on('data', (chunk) => (socket.writableEnded ? undefined : listener(chunk)))
    return on(event, listener)
  }) as Socket['on']
}

/** kafkajs lets go of a connection whenever it finds it closed, each time with a listener more. */
function unrefOnlyAlive(socket: Socket): void {
  const unref = socket.unref.bind(socket)
  socket.unref = () => (socket.destroyed ? socket : unref())
}
