import { AckBatch, type SettleAnswer, type Settlement, type SourceDelivery } from '@comm/messaging/adapter'
import type { RedisConsumer } from '../consumer.ts'
import { TopicSource } from '../topic-source.ts'
import type { Fields } from './entry.ts'
import type { FetchRoom } from './fetch-room.ts'
import { entryOf, idSuffix, type TopicKeys } from './keys.ts'
import { ACK_OWN, CLAIM, RELEASE } from './scripts/consume.ts'

/** Of each entry also how often it was delivered before. */
export type Claimed = readonly [last: Buffer, ...entries: (readonly [id: Buffer, fields: Fields, deliveries: Buffer])[]]

export interface GroupStreamParts {
  readonly consumer: RedisConsumer
  readonly keys: TopicKeys
  readonly group: string
  /** This consumer's name in its group. */
  readonly member: string
  readonly room: FetchRoom
  readonly onFailure: (thrown: unknown) => void
}

/** One stream as one member of a group reads it: every group's entries of a topic, or one group's own. */
export class GroupStream extends TopicSource {
  readonly key: string
  /** Tells ids of its deliveries from those of the other stream. */
  readonly idSuffix: string
  readonly #isOwn: boolean
  readonly #parts: GroupStreamParts
  /** Ids of what was handed over, and is not settled as far as Redis knows. */
  readonly #held = new Set<string>()
  readonly #acks: AckBatch<string> = new AckBatch((ids) => this.#acknowledge(ids))

  constructor(parts: GroupStreamParts, isOwn: boolean) {
    const { consumer, keys, group, room } = parts
    super(consumer, keys.topic, room)
    this.idSuffix = idSuffix(isOwn ? group : undefined)
    this.key = isOwn ? keys.only(group) : keys.stream
    this.#isOwn = isOwn
    this.#parts = parts
  }

  override handed(delivery: SourceDelivery): void {
    super.handed(delivery)
    this.#held.add(delivery.id)
  }

  /**
   * What is requeued is kept for another try here, which Redis need not know of; once intake has stopped it is for others. It is never
   * added again: other groups would see it.
   */
  override settle(delivery: SourceDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'ack') {
      this.consumer.settled(delivery)
      return this.#acks.add(delivery.id)
    }
    this.#held.delete(delivery.id)
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
    const { keys, group, member } = this.#parts
    const held = what === 'all' ? [] : [...this.#held].map(entryOf)
    await RELEASE.run(this.consumer.link, [this.key, keys.active(group)], [group, member, what, ...held])
  }

  async #acknowledge(ids: readonly string[]): Promise<SettleAnswer> {
    const args = [this.#parts.group, ...(this.#isOwn ? ids.map(entryOf) : ids)]
    const { link } = this.consumer
    const sent = this.#isOwn ? ACK_OWN.run(link, [this.key], args) : link.send(this.key, ['XACK', this.key, ...args])
    const answer = await this.#answerOf(sent)
    for (const id of ids) this.#held.delete(id)
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
