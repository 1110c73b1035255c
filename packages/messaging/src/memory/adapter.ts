import { type Clock, type ConnectionError, type Health, UP } from '@comm/core'
import { checkOptions, object } from '@comm/core/options'
import { checkSubscribe } from '../adapter/subscribe-request.ts'
import type {
  BrokerAdapter,
  BrokerAdmin,
  BrokerFeatures,
  Delivery,
  OutboundRecord,
  PublishResult,
  SubscribeRequest,
  Subscription,
} from '../broker.ts'
import { MemoryAdmin } from './admin.ts'
import type { Consumer } from './consumer.ts'
import { abortedError, closedError, notConnectedError, stoppedError } from './errors.ts'
import { type MemoryConnection, MemoryServer } from './server.ts'
import { MemorySubscription } from './subscription.ts'

export interface MemoryBrokerAdapterOptions {
  /** The broker to connect to; adapters that share one exchange records. @default a server of its own */
  readonly server?: MemoryServer
  /** For the server that is made when none is given. @default systemClock */
  readonly clock?: Clock
}

/** A connection to a broker inside this process, with everything that the contract knows. */
export class MemoryBrokerAdapter implements BrokerAdapter {
  readonly system = 'memory'
  readonly features: BrokerFeatures
  readonly admin: Required<BrokerAdmin>
  readonly server: MemoryServer
  readonly #subscriptions = new Set<MemorySubscription>()
  readonly #connection: MemoryConnection
  #state: 'new' | 'connected' | 'lost' | 'closed' = 'new'

  /** @throws ConfigurationError */
  constructor(options: MemoryBrokerAdapterOptions = {}) {
    checkOptions('MemoryBrokerAdapter options', options, { server: object, clock: object })
    this.server = options.server ?? new MemoryServer(options.clock === undefined ? {} : { clock: options.clock })
    this.features = featuresOf(this.server)
    this.admin = new MemoryAdmin(this.server.topics, () => this.#checkConnected('administer topics'))
    this.#connection = {
      consumers: consumersOf(this.#subscriptions),
      onLost: (reason) => this.#lose(reason),
      onRestored: () => this.#restore(),
    }
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.#checkOpen()
    if (this.#state !== 'new') return
    await undefined
    if (signal.aborted) throw abortedError('connecting to', signal)
    this.#checkOpen()
    if (!this.server.isRunning) throw stoppedError()
    this.#state = 'connected'
    this.server.join(this.#connection)
  }

  /** Records are stored at once, in order; bodies and headers are copied. */
  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    this.#checkOpen()
    const error = signal.aborted
      ? abortedError('publishing to', signal)
      : this.#state === 'connected'
        ? undefined
        : notConnectedError('publish')
    if (error !== undefined) return records.map(() => ({ ok: false, stored: 'no', error }))
    return records.map((record) => this.server.topics.publish(record))
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    checkSubscribe(request, onDelivery, 'the in-memory broker', this.features)
    this.#checkConnected(`subscribe to ${request.topics.join(', ')}`)
    const subscription = new MemorySubscription(this.server.topics, request, onDelivery, (over) =>
      this.#subscriptions.delete(over),
    )
    this.#subscriptions.add(subscription)
    subscription.open()
    return subscription
  }

  async health(): Promise<Health> {
    if (this.#state === 'connected') return UP
    const reason = this.#state === 'closed' ? closedError('the adapter').message : notConnectedError('use it').message
    return { status: 'down', reason }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    for (const subscription of this.#subscriptions) subscription.end(closedError('the adapter'))
    this.server.leave(this.#connection)
  }

  #lose(reason: ConnectionError): void {
    if (this.#state !== 'connected') return
    this.#state = 'lost'
    for (const subscription of this.#subscriptions) subscription.lose(reason)
  }

  #restore(): void {
    if (this.#state !== 'lost') return
    this.#state = 'connected'
    for (const subscription of this.#subscriptions) subscription.open()
  }

  #checkOpen(): void {
    if (this.#state === 'closed') throw closedError('the adapter')
  }

  #checkConnected(what: string): void {
    this.#checkOpen()
    if (this.#state !== 'connected') throw notConnectedError(what)
  }
}

function featuresOf({ options }: MemoryServer): BrokerFeatures {
  return Object.freeze({
    ordering: 'partition',
    durable: true,
    groups: true,
    patterns: true,
    delay: true,
    priority: true,
    countsRedeliveries: true,
    headers: true,
    replay: true,
    detectsUnroutable: true,
    keepsKeyOrderInBatch: true,
    ...(options.maxBodyBytes === Number.POSITIVE_INFINITY ? {} : { maxBodyBytes: options.maxBodyBytes }),
  })
}

function consumersOf(subscriptions: ReadonlySet<MemorySubscription>): Iterable<Consumer> {
  return {
    *[Symbol.iterator]() {
      for (const { consumer } of subscriptions) if (consumer !== undefined) yield consumer
    },
  }
}
