import {
  AckBatch,
  type Content,
  Held,
  List,
  type Room,
  type SettleAnswer,
  type Settlement,
  SourceDelivery,
} from '@comm/messaging/adapter'
import { type NodeClient, sendTo } from '@comm/redis-stores/connection'
import type { RedisConsumer } from '../consumer.ts'
import { TopicSource } from '../topic-source.ts'
import type { Fields } from './entry.ts'
import { idSuffix, type TopicKeys } from './keys.ts'
import { ACK_OWN, CLAIM, RELEASE } from './scripts/consume.ts'

/** Of each entry also how often it was delivered before. */
export type Claimed = readonly [last: Buffer, ...entries: (readonly [id: Buffer, fields: Fields, deliveries: Buffer])[]]

export interface GroupStreamParts {
  readonly consumer: RedisConsumer
  readonly keys: TopicKeys
  readonly group: string
  /** This consumer's name in its group. */
  readonly member: string
  readonly room: Room
  readonly onFailure: (thrown: unknown) => void
}

/** One stream as one member of a group reads it: every group's entries of a topic, or one group's own. */
export class GroupStream extends TopicSource {
  readonly key: string
  /** Tells ids of its deliveries from those of the other stream. */
  readonly #idSuffix: string
  readonly #isOwn: boolean
  readonly #parts: GroupStreamParts
  /** What was handed over, and is not settled as far as Redis knows. */
  readonly #held = new List<Held>()
  /** Answers come in the order of what they are for, though two connections are asked. */
  #answered: Promise<unknown> = Promise.resolve()
  /** When the reader's connection was asked for what it has not answered yet. */
  #askedAt: number | undefined
  readonly #acks: AckBatch<Held> = new AckBatch((held) => this.#acknowledge(held))

  constructor(parts: GroupStreamParts, isOwn: boolean) {
    const { consumer, keys, group, room } = parts
    super(consumer, keys.topic, room)
    this.#idSuffix = idSuffix(isOwn ? group : undefined)
    this.key = isOwn ? keys.only(group) : keys.stream
    this.#isOwn = isOwn
    this.#parts = parts
  }

  /** How long the reader's connection has owed an answer that a server gives at once. */
  get overdueMs(): number {
    return this.#askedAt === undefined ? 0 : this.consumer.clock.now() - this.#askedAt
  }

  override deliveryOf(id: string, content: Content, time: string, redeliveries: number): SourceDelivery {
    return new SourceDelivery(this, id + this.#idSuffix, content, time, redeliveries, new Held(id))
  }

  override handed(delivery: SourceDelivery): void {
    super.handed(delivery)
    this.#held.push(delivery.handle as Held)
  }

  /**
   * What is requeued is kept for another try here, which Redis need not know of; once intake has stopped it is for others. It is never
   * added again: other groups would see it.
   */
  override settle(delivery: SourceDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'ack') {
      this.consumer.settled(delivery)
      return this.#acks.add(delivery.handle as Held)
    }
    this.#held.remove(delivery.handle as Held)
    const answer = super.settle(delivery, how)
    return this.consumer.isStopping ? this.#answerOf(this.release('requeued')) : answer
  }

  /**
   * Takes over entries, oldest first.
   * @param from where to begin: `-` or `(id`
   * @param whose undefined: of anybody
   * @returns the last id that was looked at, empty when there is no more, then what was taken over
   */
  async claim(count: number, minIdleMs: number, from: string, whose: string | undefined): Promise<Claimed> {
    const { group, member } = this.#parts
    const args = [group, member, String(count), String(Math.ceil(minIdleMs)), from]
    const reply = CLAIM.run(this.consumer.link, [this.key], whose === undefined ? args : [...args, whose], 'bytes')
    return reply as Promise<Claimed>
  }

  /**
   * `fetched`: gives back what was not handed over, which does not count as a delivery. `requeued`: what is in no handler's hands any
   * more. `all`: everything, and leaves the group.
   */
  async release(what: 'fetched' | 'requeued' | 'all'): Promise<void> {
    await this.#acks.flush()
    // Nor must anything be given back that is being acknowledged.
    await this.#answered
    const { keys, group, member } = this.#parts
    const held = what === 'all' ? [] : [...this.#held].map(({ id }) => id)
    await RELEASE.run(this.consumer.link, [this.key, keys.active(group)], [group, member, what, ...held])
  }

  /**
   * Sends what is to be acknowledged in front of what the reader sends next, so that both need one packet. Only what is sure to be
   * answered before that: not a script, which the server may have to be told again.
   */
  flush(reader: NodeClient): void {
    if (!this.#isOwn) void this.#acks.flush((held) => this.#acknowledge(held, reader))
  }

  /** @param reader a connection that may be closed at any time: then it is sent again over the other one, which does no harm */
  async #acknowledge(batch: readonly Held[], reader?: NodeClient): Promise<SettleAnswer> {
    const { key } = this
    const { link, clock } = this.consumer
    const args = [this.#parts.group, ...batch.map(({ id }) => id)]
    const acknowledge = (): Promise<unknown> =>
      this.#isOwn ? ACK_OWN.run(link, [key], args) : link.send(key, ['XACK', key, ...args])
    const sent = reader === undefined ? acknowledge() : sendTo(reader, ['XACK', key, ...args]).catch(acknowledge)
    if (reader !== undefined) this.#askedAt = clock.now()
    const before = this.#answered
    const answered = this.#answerOf(sent).then((answer) => before.then(() => answer))
    this.#answered = answered
    const answer = await answered
    if (reader !== undefined) this.#askedAt = undefined
    for (const held of batch) this.#held.remove(held)
    return answer
  }

  async #answerOf(sent: Promise<unknown>): Promise<SettleAnswer> {
    try {
      await sent
      return 'settled'
    } catch (thrown) {
      this.#parts.onFailure(thrown)
      return 'lost'
    }
  }
}
