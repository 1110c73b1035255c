import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '@comm/core'

/** https://kafka.apache.org/protocol#protocol_api_keys */
export const SYNC_GROUP = 14
/** In a request: its length, and then what is asked for. */
const KEY_AT = 4

/** A way to Kafka that loses the answer to a request of one kind: the connection breaks when the request has passed. */
export class BreakingWay implements AsyncDisposable {
  readonly #server = createServer((client) => this.#open(client))
  readonly #target: Endpoint
  readonly #sockets: Socket[] = []
  #breaking: PromiseWithResolvers<void> | undefined
  #key = -1

  private constructor(target: Endpoint) {
    this.#target = target
  }

  static async start(target: Endpoint): Promise<BreakingWay> {
    const way = new BreakingWay(target)
    way.#server.listen(0, '127.0.0.1')
    await once(way.#server, 'listening')
    return way
  }

  get endpoint(): Endpoint {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port }
  }

  /** Once. @returns what resolves when it has happened */
  breakAfter(apiKey: number): Promise<void> {
    this.#key = apiKey
    this.#breaking = Promise.withResolvers()
    return this.#breaking.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #open(client: Socket): void {
    const server = connect(this.#target)
    for (const socket of [client, server]) this.#sockets.push(socket.on('error', () => undefined))
    server.pipe(client)
    client.pipe(server)
    client.on('data', (bytes: Buffer) => {
      if (this.#breaking === undefined || !keysOf(bytes).includes(this.#key)) return
      this.#breaking.resolve()
      this.#breaking = undefined
      // What has been sent arrives.
      client.unpipe(server)
      client.destroy()
    })
  }
}

/** @param bytes of whole requests: what a consumer asks is short */
function keysOf(bytes: Buffer): readonly number[] {
  const keys: number[] = []
  for (let at = 0; at + KEY_AT + 2 <= bytes.length; at += KEY_AT + bytes.readInt32BE(at))
    keys.push(bytes.readInt16BE(at + KEY_AT))
  return keys
}
