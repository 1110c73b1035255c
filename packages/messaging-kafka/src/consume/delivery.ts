import type { Delivery, HeaderValue } from '@comm/messaging'
import { laneOf } from '@comm/messaging/adapter'
import type { IncomingMessage } from '../driver/driver.ts'
import { headersOf } from '../message.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { Tracked } from './offset-tracker.ts'

type SettleAnswer = 'settled' | 'lost'
const SETTLED = Promise.resolve<SettleAnswer>('settled')
const LOST = Promise.resolve<SettleAnswer>('lost')
const NO_BYTES = new Uint8Array(0)
/** What a record takes in memory beside its bytes, about. */
const OVERHEAD = 200

/** A record's place in its partition, for as long as it holds back what can be committed. */
export class Place implements Tracked {
  readonly offset: number
  isDone = false
  /** Handed over and not settled. */
  out: KafkaDelivery | undefined

  constructor(offset: number) {
    this.offset = offset
  }
}

export class KafkaDelivery implements Delivery {
  readonly place: Place
  readonly lane: string | undefined
  readonly key: string | undefined
  readonly partition: AssignedPartition
  /** It was handed over before, and requeued. */
  readonly isAgain: boolean
  readonly #message: IncomingMessage
  #headers: Readonly<Record<string, HeaderValue>> | undefined
  #answer: Promise<SettleAnswer> | undefined

  constructor(partition: AssignedPartition, message: IncomingMessage, place: Place, isAgain = false) {
    this.partition = partition
    this.place = place
    this.isAgain = isAgain
    this.#message = message
    this.key = message.key === null ? undefined : message.key.toString()
    const { lanes, topic, name } = partition
    this.lane = lanes === 'none' ? undefined : laneOf(lanes, lanes === 'key' ? topic : name, this.key)
  }

  get topic(): string {
    return this.partition.topic
  }
  get id(): string {
    return `${this.partition.part.suffix}${this.partition.source.partition}-${this.place.offset}`
  }
  get body(): Uint8Array {
    return this.#message.value ?? NO_BYTES
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    this.#headers ??= headersOf(this.#message)
    return this.#headers
  }
  get timestamp(): number {
    return Number(this.#message.timestamp)
  }
  get redeliveries(): undefined {
    return undefined
  }
  get lost(): AbortSignal {
    return this.partition.lost
  }
  get bytes(): number {
    return OVERHEAD + (this.#message.value?.byteLength ?? 0)
  }

  settle(how: 'ack' | 'requeue'): Promise<SettleAnswer> {
    this.#answer ??= this.partition.settle(this, how) ? SETTLED : LOST
    return this.#answer
  }

  /** The same record for another hand-over, to be settled anew. */
  again(): KafkaDelivery {
    return new KafkaDelivery(this.partition, this.#message, this.place, true)
  }
}
