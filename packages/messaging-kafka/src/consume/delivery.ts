import type { IncomingMessage, Tracked } from '@comm/kafka-driver'
import type { Delivery, HeaderValue } from '@comm/messaging'
import { laneOf, type SettleAnswer, type Settlement } from '@comm/messaging/adapter'
import { headersOf } from '../message.ts'
import type { AssignedPartition } from './assigned-partition.ts'

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
  readonly topic: string
  readonly key: string | undefined
  readonly lane: string | undefined
  readonly redeliveries = undefined
  readonly partition: AssignedPartition
  /** It was handed over before, and requeued. */
  readonly isAgain: boolean
  readonly #message: IncomingMessage
  #headers: Readonly<Record<string, HeaderValue>> | undefined
  #answer: Promise<SettleAnswer> | undefined

  constructor(partition: AssignedPartition, message: IncomingMessage, place: Place, isAgain = false) {
    const { topic, lanes } = partition.owner
    this.partition = partition
    this.place = place
    this.isAgain = isAgain
    this.#message = message
    this.topic = topic
    this.key = message.key?.toString()
    this.lane = laneOf(lanes, lanes === 'source' ? partition.name : topic, this.key)
  }

  get id(): string {
    return `${this.partition.part.prefix}${this.partition.source.partition}-${this.place.offset}`
  }
  get body(): Uint8Array {
    return this.#message.value ?? NO_BYTES
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    this.#headers ??= headersOf(this.#message)
    return this.#headers
  }
  get timestamp(): number {
    return this.#message.timestamp
  }
  get lost(): AbortSignal {
    return this.partition.lost
  }
  get bytes(): number {
    return OVERHEAD + (this.#message.value?.byteLength ?? 0)
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= this.partition.settle(this, how) ? SETTLED : LOST
    return this.#answer
  }

  /** The same record for another hand-over, to be settled anew. */
  again(): KafkaDelivery {
    return new KafkaDelivery(this.partition, this.#message, this.place, true)
  }
}
