import { type ConnectionError, type Health, UP, withinLimit } from '@comm/core'
import type { AdapterConnection } from '@comm/messaging/adapter'
import { Connection, type ConnectionParts, ignore, type Link, rabbitErrors } from '@comm/rabbit-driver'
import { connectAll } from './connect-all.ts'
import { declareBase } from './declare.ts'
import type { ResolvedOptions } from './options.ts'

const HEALTH_LIMIT_MS = 2000

/**
 * One connection publishes, one consumes, because RabbitMQ stops reading from a connection that publishes while it is short of memory or
 * disk, and acknowledgements must get through then. To users they are one: both are there, or none. Its link is the one that consumes.
 */
export class Connections implements AdapterConnection<Link> {
  readonly publishing: Connection
  readonly #consuming: Connection
  readonly #both: readonly Connection[]
  readonly #options: ResolvedOptions

  constructor(options: ResolvedOptions, events: Pick<ConnectionParts, 'onReady' | 'onDown'>) {
    const onUp = (link: Link): Promise<void> => declareBase(link, options)
    this.#options = options
    this.publishing = new Connection({ purpose: 'publishing', options, ...events, onUp, onDown: ignore })
    this.#consuming = new Connection({ purpose: 'consuming', options, ...events, onUp })
    this.#both = [this.publishing, this.#consuming]
  }

  get link(): Link | undefined {
    return this.publishing.link && this.#consuming.link
  }

  notConnected(what: string): ConnectionError {
    return rabbitErrors.notConnected(what, this.#both.find(({ link }) => link === undefined)?.lastError)
  }

  async connect(signal: AbortSignal): Promise<void> {
    await connectAll(this.#both, signal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#both.map((connection) => connection.close()))
  }

  async health(): Promise<Health> {
    const { blocked } = this.publishing
    // RabbitMQ reads nothing from a connection that it blocks, so it could not answer there.
    const probed = blocked === undefined ? this.#both : [this.#consuming]
    const reasons = await Promise.all(probed.map((connection) => this.#probe(connection)))
    const reason = reasons.find((each) => each !== undefined)
    if (reason !== undefined) return { status: 'down', reason }
    return blocked === undefined ? UP : { status: 'degraded', reason: `RabbitMQ takes no publishes: ${blocked}` }
  }

  /** @returns why RabbitMQ does not answer over this connection */
  async #probe({ link, lastError }: Connection): Promise<string | undefined> {
    if (link === undefined) return rabbitErrors.notConnected('use it', lastError).message
    const answer = link.onChannel(async () => '').catch((thrown: Error) => `RabbitMQ did not answer: ${thrown.message}`)
    const reason = await withinLimit(this.#options.clock, HEALTH_LIMIT_MS, answer)
    return reason === undefined ? `RabbitMQ did not answer within ${HEALTH_LIMIT_MS} ms` : reason || undefined
  }
}
