import type { Health } from '@comm/core'
import {
  type BrokerAdapter,
  type BrokerAdmin,
  type BrokerFeatures,
  type Delivery,
  MemoryBrokerAdapter,
  type MemoryServer,
  type OutboundRecord,
  type PublishResult,
  type SubscribeRequest,
  type Subscription,
} from '@comm/messaging'

export interface BetweenOptions {
  readonly features?: Partial<BrokerFeatures>
  /** What becomes of a record instead of being stored; undefined: it is stored. */
  readonly refuse?: (record: OutboundRecord) => PublishResult | undefined
  /** The record as it is stored. */
  readonly change?: (record: OutboundRecord) => OutboundRecord
  readonly connect?: () => Promise<void>
}

/** The in-memory broker, with a hand in between: it refuses or changes what the test says, and remembers what was published. */
export class Between implements BrokerAdapter {
  readonly system = 'memory'
  readonly features: BrokerFeatures
  readonly admin: BrokerAdmin
  readonly published: OutboundRecord[] = []
  connects = 0
  readonly #inner: MemoryBrokerAdapter
  readonly #options: BetweenOptions

  constructor(server: MemoryServer, options: BetweenOptions = {}) {
    this.#inner = new MemoryBrokerAdapter({ server })
    this.#options = options
    this.features = { ...this.#inner.features, ...options.features }
    this.admin = this.#inner.admin
  }

  async connect(signal: AbortSignal): Promise<void> {
    this.connects++
    await this.#options.connect?.()
    await this.#inner.connect(signal)
  }

  publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { refuse, change = (same: OutboundRecord) => same } = this.#options
    return Promise.all(
      records.map(async (record): Promise<PublishResult> => {
        const refusal = refuse?.(record)
        if (refusal !== undefined) return refusal
        this.published.push(record)
        const [result] = await this.#inner.publish([change(record)], signal)
        return result as PublishResult
      }),
    )
  }

  subscribe(request: SubscribeRequest, onDelivery: (delivery: Delivery) => void): Promise<Subscription> {
    return this.#inner.subscribe(request, onDelivery)
  }

  health(): Promise<Health> {
    return this.#inner.health()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]()
  }
}
