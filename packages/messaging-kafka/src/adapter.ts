import { type CommunicationError, type Health, UP } from '@comm/core'
import type {
  BrokerAdapter,
  BrokerAdmin,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '@comm/messaging'
import { allRefused, checkSubscribe, Subscriptions } from '@comm/messaging/adapter'
import { KafkaAdmin } from './admin.ts'
import { Connection } from './connection.ts'
import { KafkaConsumer } from './consume/consumer.ts'
import type { KafkaDriver, KafkaLink } from './driver/driver.ts'
import { KafkaJsDriver } from './driver/kafkajs-driver.ts'
import { ERRORS } from './errors.ts'
import { type KafkaAdapterOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { Outbox } from './publish/outbox.ts'

/** Apache Kafka. */
export class KafkaAdapter implements BrokerAdapter {
  readonly system = 'kafka'
  readonly features: BrokerFeatures
  readonly admin: BrokerAdmin
  readonly #options: ResolvedOptions
  readonly #driver: KafkaDriver
  readonly #connection: Connection
  readonly #subscriptions: Subscriptions<KafkaLink, KafkaConsumer>
  readonly #leaving = new Set<Promise<void>>()
  #outbox: Outbox | undefined
  #connecting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(options: KafkaAdapterOptions = {}) {
    const resolved = resolveOptions(options)
    const { clock, logger, random, maxBodyBytes } = resolved
    this.#options = resolved
    this.features = Object.freeze({ ...FEATURES, maxBodyBytes })
    this.#driver = new KafkaJsDriver(resolved)
    this.#connection = new Connection(this.#driver, resolved, {
      onUp: (link) => {
        this.#outbox = new Outbox(link, resolved)
        this.#subscriptions.resume()
      },
      onDown: (reason) => this.#endOutbox(reason),
    })
    const link = (): KafkaLink | undefined => this.#connection.link
    this.#subscriptions = new Subscriptions({ link, closed: () => ERRORS.closed('the subscription'), clock, logger, random })
    this.admin = new KafkaAdmin({ driver: this.#driver, options: resolved, link: (what) => this.#linked(what) })
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    if (signal.aborted) throw ERRORS.aborted('connecting to', signal)
    this.#connecting ??= this.#connection.connect(signal).catch((thrown: unknown) => {
      this.#connecting = undefined
      throw thrown
    })
    await this.#connecting
    this.#checkOpen()
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    this.#checkOpen()
    if (signal.aborted) return allRefused(records, ERRORS.aborted('publishing to', signal))
    if (this.#outbox === undefined) return allRefused(records, ERRORS.notConnected('publish', this.#connection.lastError))
    return this.#outbox.publish(records, signal)
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'Kafka', this.features)
    const link = this.#linked(`subscribe to ${request.topics.join(', ')}`)
    const driver = this.#driver
    const options = this.#options
    const leaving = this.#leaving
    try {
      return await this.#subscriptions.begin(
        request,
        link,
        (_, onLost) =>
          new KafkaConsumer({ driver, link: () => this.#connection.link, options, request, onDelivery, onLost, leaving }),
      )
    } catch (error) {
      this.#checkOpen()
      throw error
    }
  }

  async health(): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: ERRORS.closed().message }
    const reason = await this.#connection.probe()
    if (reason !== undefined) return { status: 'down', reason }
    const { trouble } = this.#subscriptions
    return trouble === undefined ? UP : { status: 'degraded', reason: trouble }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const closed = ERRORS.closed()
    await this.#subscriptions.end(closed)
    await Promise.all(this.#leaving)
    this.#endOutbox(closed)
    await this.#connection.close()
  }

  #endOutbox(reason: CommunicationError): void {
    this.#outbox?.end(reason)
    this.#outbox = undefined
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw ERRORS.closed()
  }

  #linked(what: string): KafkaLink {
    this.#checkOpen()
    const { link, lastError } = this.#connection
    if (link === undefined) throw ERRORS.notConnected(what, lastError)
    return link
  }
}

const FEATURES = {
  ordering: 'partition',
  durable: true,
  groups: true,
  patterns: false,
  delay: true,
  priority: false,
  countsRedeliveries: false,
  headers: true,
  replay: true,
  detectsUnroutable: true,
  keepsKeyOrderInBatch: true,
} as const
