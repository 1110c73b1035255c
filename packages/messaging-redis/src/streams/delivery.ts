import type { Delivery, HeaderValue, SubscribeRequest } from '@comm/messaging'
import type { InboxItem } from '../inbox.ts'
import type { Entry } from './entry.ts'
import { recordId } from './keys.ts'

type Lanes = SubscribeRequest['lanes']
export type Settlement = 'ack' | 'requeue'
export type SettleAnswer = 'settled' | 'lost'

/** The stream that an entry came from. */
export interface EntrySource {
  readonly topic: string
  /** The group, where the stream is that group's own. */
  readonly only: string | undefined
  settle(delivery: StreamDelivery, how: Settlement): Promise<SettleAnswer>
}

/** An entry on its way through a subscription. */
export class StreamDelivery implements Delivery, InboxItem {
  readonly source: EntrySource
  readonly entryId: string
  readonly lane: string | undefined
  readonly lost: AbortSignal
  readonly redeliveries: number
  readonly #entry: Entry
  readonly #lanes: Lanes
  #answer: Promise<SettleAnswer> | undefined

  constructor(source: EntrySource, entryId: string, entry: Entry, redeliveries: number, lanes: Lanes, lost: AbortSignal) {
    this.source = source
    this.entryId = entryId
    this.redeliveries = redeliveries
    this.lost = lost
    this.#entry = entry
    this.#lanes = lanes
    const { key } = entry
    this.lane = lanes === 'source' ? source.topic : lanes === 'key' && key !== undefined ? `${source.topic}/${key}` : undefined
  }

  get topic(): string {
    return this.source.topic
  }
  get id(): string {
    return recordId(this.entryId, this.source.only)
  }
  get key(): string | undefined {
    return this.#entry.key
  }
  get body(): Uint8Array {
    return this.#entry.body
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    return this.#entry.headers
  }
  /** Entry ids begin with the time, unless their publisher chose others. */
  get timestamp(): number {
    return Number.parseInt(this.entryId, 10)
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= this.source.settle(this, how)
    return this.#answer
  }

  /** The same entry, to be delivered once more. */
  again(): StreamDelivery {
    return new StreamDelivery(this.source, this.entryId, this.#entry, this.redeliveries + 1, this.#lanes, this.lost)
  }
}
