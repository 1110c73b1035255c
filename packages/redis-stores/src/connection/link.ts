import { createHash } from 'node:crypto'
import { type createClient, RESP_TYPES } from 'redis'

/** One connection of the client library to one server. */
export type NodeClient = ReturnType<typeof createClient>

export type Argument = string | Buffer

/** How a reply is read: text, or texts as bytes and maps as flat arrays, which costs least. */
export type ReplyForm = 'text' | 'bytes'

const BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array } }

/** What is open while a connection lasts. A lost one is not repaired: another link takes its place. */
export interface RedisLink {
  /** Sends one command to the server that holds the key. Rejects with the client library's errors. */
  send(key: string, args: readonly Argument[], form?: ReplyForm): Promise<unknown>
  /** The library's own client for that server. */
  node(key: string): Promise<NodeClient>
  /** One more connection to that server, for commands that block or subscribe. Whoever asked for it destroys it. */
  dedicated(key: string): Promise<NodeClient>
  /** Asks every server in use. Rejects when one does not answer. */
  ping(): Promise<void>
  destroy(): void
}

export function sendTo(client: NodeClient, args: readonly Argument[], form: ReplyForm = 'text'): Promise<unknown> {
  return client.sendCommand(args as Argument[], form === 'bytes' ? BYTES : undefined)
}

/** Destroys a client in whatever state it is. */
export function destroyClient(client: { readonly isOpen: boolean; destroy(): void }): void {
  if (client.isOpen) client.destroy()
}

/** A Lua script that the server keeps by its digest. Runs atomically. */
export class RedisScript {
  readonly #text: string
  readonly #digest: string

  constructor(text: string) {
    this.#text = text
    this.#digest = createHash('sha1').update(text).digest('hex')
  }

  /** @param keys all in one hash slot; the first says where it runs */
  async run(
    link: Pick<RedisLink, 'send'>,
    keys: readonly [string, ...string[]],
    args: readonly Argument[],
    form?: ReplyForm,
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await link.send(keys[0], ['EVALSHA', this.#digest, ...rest], form)
    } catch (thrown) {
      if (!(thrown instanceof Error && thrown.message.startsWith('NOSCRIPT'))) throw thrown
      return link.send(keys[0], ['EVAL', this.#text, ...rest], form)
    }
  }
}
