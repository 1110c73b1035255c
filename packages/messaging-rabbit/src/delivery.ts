import type { Delivery, HeaderValue, SubscribeRequest } from '@comm/messaging'
import type { ConsumeMessage } from 'amqplib'
import { headersOf, idOf, keyOf, redeliveriesOf, timestampOf } from './message.ts'

export type Settlement = 'ack' | 'requeue'
export type SettleAnswer = 'settled' | 'lost'

/** Who handed a delivery over. */
export interface DeliveryOwner {
  readonly lost: AbortSignal
  settle(delivery: RabbitDelivery, how: Settlement): Promise<SettleAnswer>
}

export class RabbitDelivery implements Delivery {
  readonly topic: string
  readonly key: string | undefined
  readonly lane: string | undefined
  readonly body: Uint8Array
  readonly message: ConsumeMessage
  /** The name of the queue it came from. */
  readonly queue: string
  /** How often this consumer handed it over again by itself. */
  readonly #requeues: number
  readonly #owner: DeliveryOwner
  readonly #lanes: SubscribeRequest['lanes']
  #headers: Readonly<Record<string, HeaderValue>> | undefined
  #id: string | undefined
  #answer: Promise<SettleAnswer> | undefined

  constructor(
    owner: DeliveryOwner,
    message: ConsumeMessage,
    topic: string,
    lanes: SubscribeRequest['lanes'],
    queue: string,
    requeues = 0,
  ) {
    this.#owner = owner
    this.message = message
    this.topic = topic
    this.queue = queue
    this.key = keyOf(message)
    this.body = message.content
    this.#lanes = lanes
    if (lanes === 'source') this.lane = topic
    else if (lanes === 'key' && this.key !== undefined) this.lane = `${topic}/${this.key}`
    else this.lane = undefined
    this.#requeues = requeues
  }

  get id(): string {
    this.#id ??= idOf(this.message)
    return this.#id
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
    return this.#owner.lost
  }

  settle(how: Settlement): Promise<SettleAnswer> {
    this.#answer ??= this.#owner.settle(this, how)
    return this.#answer
  }

  /** The same record for another hand-over, to be settled anew. */
  again(): RabbitDelivery {
    return new RabbitDelivery(this.#owner, this.message, this.topic, this.#lanes, this.queue, this.#requeues + 1)
  }
}
