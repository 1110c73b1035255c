import type { RedisConsumer } from '../consumer.ts'
import type { RedisDelivery, SettleAnswer, Settlement, Source } from '../delivery.ts'
import type { Fields } from './entry.ts'
import type { FetchRoom } from './fetch-room.ts'
import { idSuffix, type TopicKeys } from './keys.ts'
import { ACK_OWN, CLAIM, RELEASE } from './scripts/consume.ts'

/** An entry and how often it was delivered before. */
export type ClaimedEntry = readonly [id: Buffer, fields: Fields, deliveries: Buffer]

export interface GroupStreamParts {
  readonly consumer: RedisConsumer
  readonly keys: TopicKeys
  readonly group: string
  /** This consumer's name in its group. */
  readonly member: string
  readonly room: FetchRoom
  readonly onFailure: (thrown: unknown) => void
}

/** One stream as one member of a group uses it: every group's entries of a topic, or one group's own. */
export class GroupStream implements Source {
  readonly consumer: RedisConsumer
  readonly topic: string
  readonly key: string
  readonly idSuffix: string
  readonly hasTimes = true
  readonly #isOwn: boolean
  readonly #parts: GroupStreamParts
  /** Handed over, and not settled as far as Redis knows. */
  readonly #held = new Set<string>()
  #acks: { readonly ids: string[]; readonly answer: PromiseWithResolvers<SettleAnswer> } | undefined

  constructor(parts: GroupStreamParts, isOwn: boolean) {
    const { consumer, keys, group } = parts
    this.consumer = consumer
    this.topic = keys.topic
    this.key = isOwn ? keys.only(group) : keys.stream
    this.idSuffix = idSuffix(isOwn ? group : undefined)
    this.#isOwn = isOwn
    this.#parts = parts
  }

  handed({ entryId }: RedisDelivery): void {
    this.#held.add(entryId)
    this.#parts.room.taken()
  }

  settle(delivery: RedisDelivery, how: Settlement): SettleAnswer | Promise<SettleAnswer> {
    if (how === 'requeue') return this.#requeue(delivery)
    this.consumer.settled(delivery)
    // What is acknowledged in one turn goes in one command, and shares its answer.
    if (this.#acks === undefined) {
      this.#acks = { ids: [], answer: Promise.withResolvers() }
      setImmediate(() => void this.#acknowledge())
    }
    this.#acks.ids.push(delivery.entryId)
    return this.#acks.answer.promise
  }

  /** Takes over entries, oldest first. @param from where to begin: `-` or `(id` @param whose undefined: of anybody */
  async claim(
    count: number,
    minIdleMs: number,
    from: string,
    whose: string | undefined,
  ): Promise<{ readonly entries: readonly ClaimedEntry[]; readonly next: string | undefined }> {
    const { group, member } = this.#parts
    const args = [group, member, String(count), String(Math.ceil(minIdleMs)), from]
    const reply = await CLAIM.run(this.consumer.link, [this.key], whose === undefined ? args : [...args, whose], 'bytes')
    const [last, ...entries] = reply as readonly [Buffer, ...ClaimedEntry[]]
    return { entries, next: last.byteLength === 0 ? undefined : `(${last}` }
  }

  /**
   * `fetched`: gives back what was not handed over, which does not count as a delivery. `requeued`: what is in no handler's hands any
   * more. `all`: everything, and leaves the group.
   */
  async release(what: 'fetched' | 'requeued' | 'all'): Promise<void> {
    await this.#acknowledge()
    const { keys, group, member } = this.#parts
    const held = what === 'all' ? [] : this.#held
    await RELEASE.run(this.consumer.link, [this.key, keys.active(group)], [group, member, what, ...held])
  }

  /** Never rejects. */
  async #acknowledge(): Promise<void> {
    const batch = this.#acks
    this.#acks = undefined
    if (batch === undefined) return
    const args = [this.#parts.group, ...batch.ids]
    const { link } = this.consumer
    const sent = this.#isOwn ? ACK_OWN.run(link, [this.key], args) : link.send(this.key, ['XACK', this.key, ...args])
    batch.answer.resolve(await this.#answerOf(sent))
    for (const id of batch.ids) this.#held.delete(id)
  }

  /** Keeps it for another try here, which Redis need not know of; once intake has stopped it is for others. Never a new entry: other groups would see it. */
  #requeue(delivery: RedisDelivery): SettleAnswer | Promise<SettleAnswer> {
    this.#held.delete(delivery.entryId)
    if (this.consumer.isStopping) {
      this.consumer.settled(delivery)
      return this.#answerOf(this.release('requeued'))
    }
    this.#parts.room.add(delivery.body.byteLength)
    this.consumer.requeued(delivery)
    return 'settled'
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
