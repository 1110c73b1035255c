import type { Delivery, HeaderValue, SubscribeRequest } from '@comm/messaging'
import { laneOf } from '@comm/messaging/adapter'
import type { ConsumeMessage } from 'amqplib'
import { headersOf, idOf, keyOf, redeliveriesOf, timestampOf } from './message.ts'

export type SettleAnswer = Awaited<ReturnType<Delivery['settle']>>

/** What the deliveries of one queue have in common. */
export interface Source {
  readonly queue: string
  readonly lanes: SubscribeRequest['lanes']
  readonly lost: AbortSignal
  /** Handed over or waiting for it. */
  unsettled: number
  readonly settle: (delivery: RabbitDelivery, how: 'ack' | 'requeue') => Promise<SettleAnswer>
}

export class RabbitDelivery implements Delivery {
  readonly topic: string
  readonly key: string | undefined
  readonly lane: string | undefined
  readonly message: ConsumeMessage
  readonly source: Source
  /** How often this consumer handed it over again by itself. */
  readonly #requeues: number
  #headers: Readonly<Record<string, HeaderValue>> | undefined
  #id: string | undefined
  #answer: Promise<SettleAnswer> | undefined

  constructor(source: Source, topic: string, message: ConsumeMessage, requeues = 0) {
    this.source = source
    this.topic = topic
    this.message = message
    this.key = keyOf(message)
    this.lane = laneOf(source.lanes, topic, this.key)
    this.#requeues = requeues
  }

  get id(): string {
    this.#id ??= idOf(this.message)
    return this.#id
  }
  get body(): Uint8Array {
    return this.message.content
  }
  get headers(): Readonly<Record<string, HeaderValue>> {
    this.#headers ??= headersOf(this.message)
    return this.#headers
  }
  get timestamp(): number | undefined {
    return timestampOf(this.message)
  }
  get redeliveries(): number | undefined {
    const before = redeliveriesOf(this.message)
    return before === undefined ? undefined : before + this.#requeues
  }
  get lost(): AbortSignal {
    return this.source.lost
  }

  settle(how: 'ack' | 'requeue'): Promise<SettleAnswer> {
    this.#answer ??= this.source.settle(this, how)
    return this.#answer
  }

  /** The same record for another hand-over, to be settled anew. */
  again(): RabbitDelivery {
    return new RabbitDelivery(this.source, this.topic, this.message, this.#requeues + 1)
  }
}
