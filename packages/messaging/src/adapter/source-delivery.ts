import type { Delivery, HeaderValue, SubscribeRequest } from '../broker.ts'
import { laneOf } from './lane.ts'

export type Settlement = Parameters<Delivery['settle']>[0]
export type SettleAnswer = Awaited<ReturnType<Delivery['settle']>>

/** Answers that nobody has to wait for, shared by all. */
const SETTLED: Promise<SettleAnswer> = Promise.resolve('settled')
const LOST: Promise<SettleAnswer> = Promise.resolve('lost')

/** What a message carries. */
export type Content = Pick<Delivery, 'key' | 'body' | 'headers' | 'plainType'>

/** Where deliveries come from, and what settles them. */
export interface Source {
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  readonly lost: AbortSignal
  /** It is being handed over. */
  handed(delivery: SourceDelivery): void
  /** Called once for each delivery, and only while it is not lost. */
  settle(delivery: SourceDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer>
}

/** A delivery that leaves to its source what settling means. */
export class SourceDelivery implements Delivery {
  readonly source: Source
  readonly topic: string
  readonly id: string
  readonly redeliveries: number | undefined
  readonly lane: string | undefined
  /** What the source needs to settle it. */
  readonly handle: unknown
  readonly #content: Content
  readonly #timestamp: number | string | undefined
  #answer: Promise<SettleAnswer> | undefined

  /** @param timestamp epoch milliseconds; as a text, which begins with them, it is read only when somebody asks for it */
  constructor(
    source: Source,
    id: string,
    content: Content,
    timestamp: number | string | undefined,
    redeliveries: number | undefined,
    handle?: unknown,
  ) {
    this.source = source
    this.topic = source.topic
    this.id = id
    this.#content = content
    this.#timestamp = timestamp
    this.redeliveries = redeliveries
    this.handle = handle
    this.lane = laneOf(source.lanes, source.topic, content.key)
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

  get plainType(): string | undefined {
    return this.#content.plainType
  }

  get timestamp(): number | undefined {
    const timestamp = this.#timestamp
    return typeof timestamp === 'string' ? Number.parseInt(timestamp, 10) : timestamp
  }

  get lost(): AbortSignal {
    return this.source.lost
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= this.#settle(how)
    return this.#answer
  }

  #settle(how: Settlement): Promise<SettleAnswer> {
    const answer = this.lost.aborted ? 'lost' : this.source.settle(this, how)
    if (typeof answer !== 'string') return answer
    return answer === 'settled' ? SETTLED : LOST
  }

  /** The same message, to be delivered once more. */
  again(): SourceDelivery {
    const { source, id, redeliveries, handle } = this
    return new SourceDelivery(
      source,
      id,
      this.#content,
      this.#timestamp,
      redeliveries === undefined ? undefined : redeliveries + 1,
      handle,
    )
  }
}
