import { ConnectionError, type Health, PublishError } from '@comm/core'
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
import { FaultyConnection } from './faulty-connection.ts'
import { FaultySubscription } from './faulty-subscription.ts'
import { type Fault, type FaultOptions, resolveFaultOptions } from './options.ts'

/** What becomes of one record: sent, sent with the answer lost, or not sent, told or untold. */
type Fate = 'sent' | 'answerLost' | 'lost' | 'refused'

/**
 * Wraps any adapter and lets things go wrong as they do on a network, by seeded dice, without breaking what the broker
 * contract promises: nothing confirmed is lost, and the order of each lane is kept.
 */
export class FaultyAdapter implements BrokerAdapter {
  readonly system: string
  readonly features: BrokerFeatures
  readonly admin?: BrokerAdmin
  readonly #inner: BrokerAdapter
  readonly #connection: FaultyConnection

  /** @throws ConfigurationError */
  constructor(inner: BrokerAdapter, options: FaultOptions = {}) {
    this.#inner = inner
    this.#connection = new FaultyConnection(resolveFaultOptions(options))
    this.system = inner.system
    this.features = inner.features
    if (inner.admin !== undefined) this.admin = inner.admin
  }

  /** How often each fault has happened so far. */
  get counts(): Readonly<Record<Fault, number>> {
    return this.#connection.counts
  }

  /** Loses the connection now, for `outageMs`. */
  disconnect(): void {
    this.#connection.lose()
  }

  connect(signal: AbortSignal): Promise<void> {
    return this.#inner.connect(signal)
  }

  /**
   * In one call, what is behind a record that was not stored and has its key is not stored either: otherwise no resend
   * could keep the order.
   */
  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    if (!this.#connection.isUp) return records.map(() => disconnected())
    const fates = this.#fatesOf(records)
    const { epoch } = this.#connection
    const publishing = this.#inner.publish(
      records.filter((_, index) => isSent(fates[index])),
      signal,
    )
    if (records.length > 0 && this.#connection.happens('disconnect')) this.#connection.lose()
    const answers = (await publishing).values()
    return fates.map((fate) => {
      if (fate === 'refused') return refused()
      const answer = isSent(fate) ? answers.next().value : undefined
      if (answer?.ok === false) return answer
      return fate !== 'sent' || epoch.isOver || answer === undefined ? unknown() : answer
    })
  }

  async subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    if (!this.#connection.isUp) throw lostConnection('subscribe')
    const subscription = new FaultySubscription(request, this.#connection, onDelivery)
    subscription.begin(await this.#inner.subscribe(request, subscription.receive))
    return subscription
  }

  async health(): Promise<Health> {
    return this.#connection.isUp ? this.#inner.health() : { status: 'down', reason: lostConnection('use it').message }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close()
    await this.#inner[Symbol.asyncDispose]()
  }

  #fatesOf(records: readonly OutboundRecord[]): readonly Fate[] {
    const unstored = new Map<string, Fate>()
    return records.map(({ topic, key }) => {
      const lane = key === undefined ? undefined : `${topic}\n${key}`
      const before = lane === undefined ? undefined : unstored.get(lane)
      const fate = before ?? this.#fate()
      if (lane !== undefined && !isSent(fate)) unstored.set(lane, fate)
      return fate
    })
  }

  #fate(): Fate {
    if (this.#connection.happens('refuse')) return 'refused'
    if (!this.#connection.happens('unknown')) return 'sent'
    return this.#connection.random() < 0.5 ? 'answerLost' : 'lost'
  }
}

function isSent(fate: Fate | undefined): boolean {
  return fate === 'sent' || fate === 'answerLost'
}

function lostConnection(what: string): ConnectionError {
  return new ConnectionError(`cannot ${what}: the connection is lost, as the fault injection wanted it`)
}

function disconnected(): PublishResult {
  return { ok: false, stored: 'no', error: lostConnection('publish') }
}

function refused(): PublishResult {
  return { ok: false, stored: 'no', error: new PublishError('the record was refused, as the fault injection wanted it') }
}

function unknown(): PublishResult {
  const message = 'the answer for the record was lost, as the fault injection wanted it'
  return { ok: false, stored: 'unknown', error: new PublishError(message, { stored: 'unknown' }) }
}
