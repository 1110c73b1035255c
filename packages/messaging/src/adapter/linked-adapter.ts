import type { Clock, CommunicationError, ConnectionError, Health, Logger } from '@comm/core'
import type {
  BrokerAdapter,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '../broker.ts'
import { type AdapterErrors, allRefused } from './errors.ts'
import type { HandoverParts } from './handover-consumer.ts'
import type { LinkConsumer } from './reopening-subscription.ts'
import { checkSubscribe } from './subscribe-request.ts'
import { Subscriptions } from './subscriptions.ts'

/** A way to the broker that comes back by itself; each time it does, with another link. */
export interface AdapterConnection<Link> {
  /** Undefined while there is no connection. */
  readonly link: Link | undefined
  /** Why something cannot be done that needs a link: there is none, and why. @param what completes `cannot …` */
  notConnected(what: string): ConnectionError
  /** Resolves when usable. @throws CommunicationError, and nothing is left behind */
  connect(signal: AbortSignal): Promise<void>
  /** Asks the broker, with a time limit. Never throws. */
  health(): Promise<Health>
  /** Idempotent; also ends a connect under way. */
  close(): Promise<void>
}

export interface LinkedAdapterParts<Link, Consumer extends LinkConsumer> {
  /** The broker's name, for people. */
  readonly broker: string
  readonly errors: AdapterErrors
  readonly features: BrokerFeatures
  readonly connection: AdapterConnection<Link>
  /**
   * Called for each subscription: says how its consumers are made, one for each link.
   * @throws CommunicationError where the broker cannot serve the request
   */
  readonly consumersOf: (request: SubscribeRequest) => (link: Link, parts: HandoverParts) => Consumer
  /** Errors after which a subscription does not come back. @default as `ReopeningParts` says */
  readonly isFinal?: (error: CommunicationError) => boolean
  readonly options: { readonly clock: Clock; readonly logger: Logger; readonly random: () => number }
}

/** An adapter over one connection: its life, and the subscriptions that share its fate. How a record is sent is the broker's own. */
export abstract class LinkedAdapter<Link, Consumer extends LinkConsumer> implements BrokerAdapter {
  abstract readonly system: string
  readonly features: BrokerFeatures
  readonly subscriptions: Subscriptions<Link, Consumer>
  readonly #parts: LinkedAdapterParts<Link, Consumer>
  #connecting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: LinkedAdapterParts<Link, Consumer>) {
    const { connection, errors, isFinal } = parts
    this.#parts = parts
    this.features = Object.freeze(parts.features)
    this.subscriptions = new Subscriptions({
      ...parts.options,
      ...(isFinal && { isFinal }),
      link: () => connection.link,
      closed: () => errors.closed('the subscription'),
    })
  }

  /** `publish`, while there is a connection and nobody has given up. */
  protected abstract send(link: Link, records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]>

  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    this.#connecting ??= this.#parts.connection.connect(signal).catch((thrown: unknown) => {
      this.#connecting = undefined
      throw thrown
    })
    await this.#connecting
    this.#checkOpen()
  }

  publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { connection, errors } = this.#parts
    if (this.#closing !== undefined) return Promise.reject(errors.closed())
    if (signal.aborted) return Promise.resolve(allRefused(records, errors.aborted('publishing to', signal)))
    const { link } = connection
    if (link === undefined) return Promise.resolve(allRefused(records, connection.notConnected('publish')))
    return this.send(link, records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    const { broker, consumersOf } = this.#parts
    checkSubscribe(request, onDelivery, broker, this.features)
    const makeConsumer = consumersOf(request)
    const current = this.linked(`subscribe to ${request.topics.join(', ')}`)
    try {
      return await this.subscriptions.begin(request, current, (link, onLost) => {
        return makeConsumer(link, { request, onDelivery, onLost })
      })
    } catch (error) {
      this.#checkOpen()
      throw error
    }
  }

  async health(): Promise<Health> {
    const { connection, errors } = this.#parts
    if (this.#closing !== undefined) return { status: 'down', reason: errors.closed().message }
    const health = await connection.health()
    const { trouble } = this.subscriptions
    return health.status !== 'up' || trouble === undefined ? health : { status: 'degraded', reason: trouble }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** @param what needs it @throws CommunicationError when there is no connection, or will be none */
  linked(what: string): Link {
    this.#checkOpen()
    const { connection } = this.#parts
    if (connection.link === undefined) throw connection.notConnected(what)
    return connection.link
  }

  /** The first part of disposal, before the connection is closed: ends whatever uses it. */
  protected async leave(): Promise<void> {
    await this.subscriptions.end(this.#parts.errors.closed())
  }

  async #close(): Promise<void> {
    await this.leave()
    await this.#parts.connection.close()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#parts.errors.closed()
  }
}
