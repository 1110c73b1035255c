import { waitFor } from '@comm/testkit'
import type { Admin, Consumer, EachMessagePayload, Kafka, Producer } from 'kafkajs'
import { newMessages, openKafka, PARTITIONS } from '../kafka-client.ts'
import { checkSealed, sealWithType } from '../order.ts'
import { groupOf, type Role } from '../role.ts'
import type { Stock } from '../stock.ts'

/** Of what is laid in, so that kafkajs need not copy large batches. */
const MOST_AT_ONCE = 1000

/** Topics of a few partitions, one a contender, with a group of its own. */
export class KafkaStock implements Stock {
  readonly tolerated = 0
  readonly #admin: Admin
  readonly #producer: Producer
  readonly #look: FirstLook
  /** Where each topic ended after the last run. */
  readonly #ends = new Map<string, number>()

  private constructor(admin: Admin, producer: Producer, look: FirstLook) {
    this.#admin = admin
    this.#producer = producer
    this.#look = look
  }

  static async open(broker: string): Promise<KafkaStock> {
    const kafka = openKafka(broker)
    const admin = kafka.admin()
    const producer = kafka.producer()
    await Promise.all([admin.connect(), producer.connect()])
    return new KafkaStock(admin, producer, new FirstLook(kafka))
  }

  async declare({ topic, does }: Role): Promise<void> {
    const configEntries = [{ name: 'segment.bytes', value: String(16 * 1024 * 1024) }]
    await this.#admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, configEntries }], waitForLeaders: false })
    const hasLeaders = async (): Promise<boolean> => (await this.#admin.fetchTopicOffsets(topic)).length === PARTITIONS
    await waitFor(hasLeaders, { what: `the leaders of ${topic}`, timeoutMs: 20_000, intervalMs: 50 })
    this.#ends.set(topic, 0)
    if (does === 'publish') this.#look.expect(topic)
  }

  async fill({ topic }: Role, count: number): Promise<void> {
    for (let left = count; left > 0; left -= MOST_AT_ONCE)
      await this.#producer.send({ topic, messages: newMessages(topic, Math.min(left, MOST_AT_ONCE)) })
  }

  /** Of a consumer: what its group has not committed. */
  async drain({ topic, does }: Role): Promise<number> {
    const partitions = await this.#admin.fetchTopicOffsets(topic)
    const end = sum(partitions.map(({ high }) => high))
    if (does === 'publish') {
      await this.#look.taken(topic)
      const before = this.#ends.get(topic) ?? 0
      this.#ends.set(topic, end)
      await this.#forget(topic, partitions)
      return end - before
    }
    const [committed] = await this.#admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] })
    const left = end - sum((committed?.partitions ?? []).map(({ offset }) => offset))
    await this.#forget(topic, partitions)
    return left
  }

  /** So that the disk does not fill up. */
  async #forget(topic: string, partitions: readonly { readonly partition: number; readonly high: string }[]): Promise<void> {
    const ends = partitions.map(({ partition, high }) => ({ partition, offset: high }))
    await this.#admin.deleteTopicRecords({ topic, partitions: ends })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#admin.disconnect(), this.#producer.disconnect(), this.#look[Symbol.asyncDispose]()])
  }
}

/** Looks at the first message of each topic, and at no other. */
class FirstLook implements AsyncDisposable {
  readonly #consumer: Consumer
  readonly #looks = new Map<string, PromiseWithResolvers<void>>()
  #running: Promise<void> | undefined

  constructor(kafka: Kafka) {
    this.#consumer = kafka.consumer({ groupId: 'first-look', maxWaitTimeInMs: 100 })
  }

  expect(topic: string): void {
    this.#looks.set(topic, Promise.withResolvers())
  }

  /** @throws Error when it was not what it has to be */
  async taken(topic: string): Promise<void> {
    this.#running ??= this.#run()
    await this.#running
    await this.#looks.get(topic)?.promise
  }

  async #run(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [...this.#looks.keys()], fromBeginning: true })
    await this.#consumer.run({ eachMessage: async (payload) => this.#look(payload) })
  }

  #look({ topic, message, pause }: EachMessagePayload): void {
    pause()
    const look = this.#looks.get(topic)
    try {
      const headers = Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]))
      checkSealed(sealWithType(topic), headers, message.value ?? Buffer.alloc(0), false)
      look?.resolve()
    } catch (thrown) {
      look?.reject(thrown)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.disconnect()
  }
}

function sum(offsets: readonly string[]): number {
  return offsets.reduce((total, offset) => total + Math.max(0, Number(offset)), 0)
}
