import type { Delivery, HeaderValue } from '@comm/messaging'

export type Settlement = 'ack' | 'requeue'
export type SettleAnswer = 'settled' | 'lost'

/** What a message carries. */
export interface Content {
  readonly body: Uint8Array
  readonly key: string | undefined
  readonly headers: Readonly<Record<string, HeaderValue>>
}

/** Where a delivery came from, and what settles it. */
export interface Source {
  readonly topic: string
  /** What stands behind an entry's id in that of its delivery. */
  readonly idSuffix: string
  /** Ids begin with the time, unless their publisher chose others. */
  readonly hasTimes: boolean
  settle(delivery: RedisDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer>
}

/** A message on its way through a subscription. */
export class RedisDelivery implements Delivery {
  readonly source: Source
  readonly entryId: string
  readonly lane: string | undefined
  readonly lost: AbortSignal
  readonly redeliveries: number | undefined
  readonly #content: Content
  #answer: Promise<SettleAnswer> | undefined

  constructor(
    source: Source,
    entryId: string,
    content: Content,
    redeliveries: number | undefined,
    lane: string | undefined,
    lost: AbortSignal,
  ) {
    this.source = source
    this.entryId = entryId
    this.redeliveries = redeliveries
    this.lane = lane
    this.lost = lost
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

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= Promise.resolve(this.lost.aborted ? 'lost' : this.source.settle(this, how))
    return this.#answer
  }

  /** The same message, to be delivered once more. */
  again(): RedisDelivery {
    const { source, entryId, redeliveries, lane, lost } = this
    return new RedisDelivery(
      source,
      entryId,
      this.#content,
      redeliveries === undefined ? undefined : redeliveries + 1,
      lane,
      lost,
    )
  }
}
