import { CommunicationError, ConnectionError, describeEndpoint, type Endpoint } from '@comm/core'
import { redisError } from './errors.ts'
import { type Argument, destroyClient, type NodeClient, type RedisLink, type ReplyForm, sendTo } from './link.ts'
import { openNode, within } from './open-node.ts'
import type { ResolvedConnection } from './options.ts'
import { masterOf } from './sentinel.ts'

const OLDEST_MAJOR_VERSION = 7

/** One server: standalone, the first of several that is a master, or the one that the Sentinels name. */
export class SingleLink implements RedisLink {
  readonly #options: ResolvedConnection
  readonly #endpoint: Endpoint
  readonly #client: NodeClient

  private constructor(options: ResolvedConnection, endpoint: Endpoint, client: NodeClient) {
    this.#options = options
    this.#endpoint = endpoint
    this.#client = client
  }

  /** @param onDown called once, when the connection broke @throws CommunicationError for the last server that was tried */
  static async open(options: ResolvedConnection, signal: AbortSignal, onDown: (reason: unknown) => void): Promise<SingleLink> {
    const isSentinel = options.topology === 'sentinel'
    const endpoints = isSentinel ? [await masterOf(options, signal)] : options.endpoints
    let failure: CommunicationError | undefined
    for (const endpoint of endpoints) {
      try {
        return await SingleLink.#openAt(options, endpoint, signal, onDown, isSentinel || endpoints.length > 1)
      } catch (thrown) {
        failure = redisError(thrown, `connect to Redis at ${describeEndpoint(endpoint)}`)
        if (signal.aborted) break
      }
    }
    throw failure
  }

  static async #openAt(
    options: ResolvedConnection,
    endpoint: Endpoint,
    signal: AbortSignal,
    onDown: (reason: unknown) => void,
    mustBeMaster: boolean,
  ): Promise<SingleLink> {
    const client = await openNode(options, endpoint, signal)
    try {
      await within(options, signal, `Redis at ${describeEndpoint(endpoint)}`, checkServer(client, endpoint, mustBeMaster))
    } catch (thrown) {
      destroyClient(client)
      throw thrown
    }
    client.once('terminated', onDown)
    return new SingleLink(options, endpoint, client)
  }

  send(_key: string, args: readonly Argument[], form?: ReplyForm): Promise<unknown> {
    return sendTo(this.#client, args, form)
  }

  async node(): Promise<NodeClient> {
    return this.#client
  }

  dedicated(): Promise<NodeClient> {
    return openNode(this.#options, this.#endpoint, new AbortController().signal)
  }

  async ping(): Promise<void> {
    await this.#client.ping()
  }

  destroy(): void {
    destroyClient(this.#client)
  }
}

/** @throws the reply of a server that does not serve yet; CommunicationError COMM_UNSUPPORTED when it is too old */
async function checkServer(client: NodeClient, endpoint: Endpoint, mustBeMaster: boolean): Promise<void> {
  const hello = (await client.sendCommand(['HELLO'])) as unknown as Readonly<Record<string, unknown>>
  const { version, role } = hello
  const major = Number.parseInt(String(version), 10)
  if (major < OLDEST_MAJOR_VERSION) {
    const text = `Redis at ${describeEndpoint(endpoint)} is version ${version}; ${OLDEST_MAJOR_VERSION}.0 or newer is needed`
    throw new CommunicationError(text, { code: 'COMM_UNSUPPORTED' })
  }
  if (mustBeMaster && role !== 'master') {
    throw new ConnectionError(`Redis at ${describeEndpoint(endpoint)} is a ${role}, not a master; writes would be refused`)
  }
  await client.ping()
}
