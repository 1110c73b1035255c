import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { checkSealed, JSON_TYPE, ORDER, seal } from '../order.ts'
import { EXCHANGE, IN_FLIGHT, queueOf, type Role } from '../role.ts'
import type { Stock } from '../stock.ts'

/** Durable quorum queues behind a topic exchange, one queue a contender. */
export class RabbitStock implements Stock {
  /**
   * RabbitMQ forgets acknowledgements that wait for a busy quorum queue when their channel closes. Of what a consumer handled beyond its
   * prefetch count they must have arrived, or it would not have got more.
   */
  readonly tolerated = IN_FLIGHT
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  static async open(url: string): Promise<RabbitStock> {
    const connection = await connect(url)
    return new RabbitStock(connection, await connection.createConfirmChannel())
  }

  async declare({ topic }: Role): Promise<void> {
    await this.#channel.assertExchange(EXCHANGE, 'topic', { durable: true })
    await this.#channel.assertQueue(queueOf(topic), { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    await this.#channel.bindQueue(queueOf(topic), EXCHANGE, topic)
  }

  async fill({ topic, isNest }: Role, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) {
      const { id, headers, body } = seal(topic)
      const content = isNest ? Buffer.from(JSON.stringify({ pattern: topic, data: ORDER })) : body
      const properties = { headers, messageId: id, contentType: JSON_TYPE, persistent: true }
      if (!this.#channel.publish(EXCHANGE, topic, content, properties)) await this.#channel.waitForConfirms()
    }
    await this.#channel.waitForConfirms()
  }

  async drain({ topic, does, isNest }: Role): Promise<number> {
    const queue = queueOf(topic)
    const first = await this.#channel.get(queue)
    if (first === false) return 0
    if (does === 'publish') {
      // What quorum queues add.
      const { 'x-delivery-count': _, ...headers } = first.properties.headers ?? {}
      const { contentType, deliveryMode, messageId } = first.properties
      checkSealed(seal(topic), headers, first.content, isNest)
      if (deliveryMode !== 2 || contentType !== JSON_TYPE || messageId === undefined)
        throw new Error(`a message of ${topic} came with delivery mode ${deliveryMode}, type ${contentType}, id ${messageId}`)
    }
    this.#channel.ack(first)
    const { messageCount } = await this.#channel.purgeQueue(queue)
    return messageCount + 1
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection.close()
  }
}
