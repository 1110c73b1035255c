import { describeEndpoint } from '@comm/core'
import { createCluster } from 'redis'
import { redisError } from './errors.ts'
import { type Argument, destroyClient, type NodeClient, type RedisLink, type ReplyForm, sendTo } from './link.ts'
import { clientOptions, openNode, tlsOptions, within } from './open-node.ts'
import type { ResolvedConnection } from './options.ts'

type ClusterClient = ReturnType<typeof createCluster>

/** Several masters, each with its hash slots. The client library follows slots that move and masters that change. */
export class ClusterLink implements RedisLink {
  readonly #options: ResolvedConnection
  readonly #cluster: ClusterClient

  private constructor(options: ResolvedConnection, cluster: ClusterClient) {
    this.#options = options
    this.#cluster = cluster
  }

  /** @throws CommunicationError */
  static async open(options: ResolvedConnection, signal: AbortSignal): Promise<ClusterLink> {
    const { endpoints, connectionTimeoutMs: connectTimeout } = options
    const where = endpoints.map(describeEndpoint).join(', ')
    let cluster: ClusterClient | undefined
    try {
      const socket = { ...(await tlsOptions(options.ssl)), connectTimeout, reconnectStrategy }
      const defaults = { ...(await clientOptions(options)), socket } as object
      cluster = createCluster({
        RESP: 3,
        rootNodes: endpoints.map(({ host, port }) => ({ socket: { ...socket, host, port } })),
        defaults,
        minimizeConnections: true,
      }) as ClusterClient
      cluster.on('error', () => undefined)
      cluster.on('node-error', () => undefined)
      await within(options, signal, `the Redis Cluster at ${where}`, cluster.connect())
      return new ClusterLink(options, cluster)
    } catch (thrown) {
      if (cluster !== undefined) destroyClient(cluster)
      throw redisError(thrown, `connect to the Redis Cluster at ${where}`)
    }
  }

  async send(key: string, args: readonly Argument[], form?: ReplyForm): Promise<unknown> {
    const client = await this.node(key)
    try {
      return await sendTo(client, args, form)
    } catch (thrown) {
      if (!hasMoved(thrown)) throw thrown
      // The library finds the slot again, and says where it went.
      await this.#cluster.sendCommand(key, false, ['EXISTS', key])
      return sendTo(await this.node(key), args, form)
    }
  }

  node(key: string): Promise<NodeClient> {
    return this.#cluster.getNodeClientForKey(key) as Promise<NodeClient>
  }

  async dedicated(key: string): Promise<NodeClient> {
    const { socket } = (await this.node(key)).options
    const { host, port } = socket as { readonly host?: string; readonly port?: number }
    const { endpoints } = this.#options
    return openNode(this.#options, { host: host ?? endpoints[0]?.host ?? '', port: port ?? 6379 }, new AbortController().signal)
  }

  async ping(): Promise<void> {
    const clients = await Promise.all(
      this.#cluster.masters.filter(({ client }) => client).map((node) => this.#cluster.nodeClient(node)),
    )
    await Promise.all(clients.map((client) => client.ping()))
    if (clients.length === 0) await this.#cluster.sendCommand(undefined, true, ['PING'])
  }

  destroy(): void {
    destroyClient(this.#cluster)
  }
}

function hasMoved(thrown: unknown): boolean {
  return thrown instanceof Error && /^MOVED /.test(thrown.message)
}

/** A node of the cluster may come back while the others go on. */
function reconnectStrategy(retries: number): number {
  return Math.min(50 * 2 ** retries, 1000)
}
