import { destroyClient, type NodeClient, type RedisLink } from './link.ts'

/** A connection beside the others, for commands that block or subscribe. Its owner ends it, or hears of its end. */
export class OwnConnection {
  readonly client: NodeClient
  readonly #link: RedisLink
  readonly #key: string
  #id = ''
  #isOver = false

  private constructor(link: RedisLink, key: string, client: NodeClient, onLost: (reason: unknown) => void) {
    this.client = client
    this.#link = link
    this.#key = key
    client.once('terminated', (reason: unknown) => {
      if (!this.#isOver) onLost(reason)
    })
  }

  /** @param key says which server of a Cluster @throws the client library's errors */
  static async open(link: RedisLink, key: string, onLost: (reason: unknown) => void): Promise<OwnConnection> {
    const opened = new OwnConnection(link, key, await link.dedicated(key), onLost)
    try {
      opened.#id = String(await opened.client.sendCommand(['CLIENT', 'ID']))
    } catch (thrown) {
      opened.destroy()
      throw thrown
    }
    return opened
  }

  /** Ends it here; the server may go on with what it was asked for. */
  destroy(): void {
    this.#isOver = true
    destroyClient(this.client)
  }

  /** Ends it, and resolves when the server does nothing for it any more, if it lets this user end connections (`CLIENT KILL`). */
  async kill(): Promise<void> {
    if (this.#isOver) return
    this.destroy()
    const node = await this.#link.node(this.#key)
    await node.sendCommand(['CLIENT', 'KILL', 'ID', this.#id]).catch(() => undefined)
  }
}
