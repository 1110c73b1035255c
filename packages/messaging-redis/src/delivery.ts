import type { Delivery, HeaderValue } from '@comm/messaging'
import { laneOf } from '@comm/messaging/adapter'
import type { RedisConsumer } from './consumer.ts'

export type Settlement = 'ack' | 'requeue'
export type SettleAnswer = 'settled' | 'lost'

/** What a message carries. */
export interface Content {
  readonly body: Uint8Array
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, HeaderValue>>
}

/** Where deliveries come from, and what settles them. */
export interface Source {
  readonly consumer: RedisConsumer
  readonly topic: string
  /** What stands behind an entry's id in that of its delivery. */
  readonly idSuffix: string
  /** Ids begin with the time, unless their publisher chose others. */
  readonly hasTimes: boolean
  /** It was handed over. */
  handed(delivery: RedisDelivery): void
  settle(delivery: RedisDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer>
}

/** A message on its way through a subscription. */
export class RedisDelivery implements Delivery {
  readonly source: Source
  readonly entryId: string
  readonly redeliveries: number | undefined
  readonly lane: string | undefined
  readonly #content: Content
  #answer: Promise<SettleAnswer> | undefined

  constructor(source: Source, entryId: string, content: Content, redeliveries: number | undefined) {
    this.source = source
    this.entryId = entryId
    this.redeliveries = redeliveries
    this.lane = laneOf(source.consumer.request.lanes, source.topic, content.key)
    this.#content = content
  }

  get topic(): string {
    return this.source.topic
  }
  get id(): string {
    return this.entryId + this.source.idSuffix
  }
  get key(): string | undefined {
    return this.#content.key
  }
  get body(): Uint8Array {
    return this.#content.body
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.#content.headers
  }
  get timestamp(): number | undefined {
    return this.source.hasTimes ? Number.parseInt(this.entryId, 10) : undefined
  }
  get lost(): AbortSignal {
    return this.source.consumer.lost
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= Promise.resolve(this.lost.aborted ? 'lost' : this.source.settle(this, how))
    return this.#answer
  }

  /** The same message, to be delivered once more. */
  again(): RedisDelivery {
    const { source, entryId, redeliveries } = this
    return new RedisDelivery(source, entryId, this.#content, redeliveries === undefined ? undefined : redeliveries + 1)
  }
}
