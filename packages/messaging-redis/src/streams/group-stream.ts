import type { Argument, RedisLink, RedisScript, ReplyForm } from '@comm/redis-stores/connection'
import { Acknowledgements } from './acknowledgements.ts'
import type { EntrySource, SettleAnswer, Settlement, StreamDelivery } from './delivery.ts'
import { ACK_OWN, CLAIM, FORGET_CONSUMERS, RELEASE, RELEASED, RELEASED_IDLE_MS, RENEW } from './scripts/consume.ts'

const FORGOTTEN_AFTER_MS = String(3_600_000)

export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[]]
/** An entry and how often it was delivered before. */
export type ClaimedEntry = readonly [id: Buffer, deliveries: Buffer, fields: readonly Buffer[]]

/** What a stream needs of the subscription that reads it. */
export interface StreamOwner {
  readonly link: RedisLink | undefined
  readonly consumer: string
  /** False once intake has stopped: what is given back is for others. */
  readonly takesIn: boolean
  /** The delivery left the handlers' hands; `again` is what takes its place here. */
  settled(delivery: StreamDelivery, again: StreamDelivery | undefined): void
  /** A command failed: whether the subscription can go on is its own affair. */
  failed(topic: string, thrown: unknown): void
}

/** One stream as one member of a group uses it: every group's entries of a topic, or one group's own. */
export class GroupStream implements EntrySource {
  readonly topic: string
  readonly key: string
  readonly group: string
  readonly only: string | undefined
  readonly #owner: StreamOwner
  readonly #acks: Acknowledgements

  constructor(topic: string, key: string, group: string, isOwn: boolean, owner: StreamOwner) {
    this.topic = topic
    this.key = key
    this.group = group
    this.only = isOwn ? group : undefined
    this.#owner = owner
    const send = (ids: readonly string[]): Promise<unknown> =>
      isOwn ? this.#run(ACK_OWN, [group, ...ids]) : this.#link().send(key, ['XACK', key, group, ...ids])
    this.#acks = new Acknowledgements(send, (thrown) => owner.failed(topic, thrown))
  }

  settle(delivery: StreamDelivery, how: Settlement): Promise<SettleAnswer> {
    if (delivery.lost.aborted) return Promise.resolve('lost')
    if (how === 'requeue') return this.#requeue(delivery)
    this.#owner.settled(delivery, undefined)
    return this.#acks.add(delivery.entryId)
  }

  /** Takes over entries, oldest first. @param from where to begin: `-` or `(id` @param whose undefined: of anybody */
  async claim(
    count: number,
    minIdleMs: number,
    from: string,
    whose?: string,
  ): Promise<{ readonly entries: readonly ClaimedEntry[]; readonly next: string | undefined }> {
    const args = [this.group, this.#owner.consumer, String(count), String(minIdleMs), from, whose ?? '']
    const [last, ...entries] = (await this.#run(CLAIM, args, 'bytes')) as readonly [Buffer, ...ClaimedEntry[]]
    return { entries, next: last.byteLength === 0 ? undefined : `(${last}` }
  }

  /** Shows that this consumer lives, so that nobody claims what it holds. */
  async renew(): Promise<void> {
    await this.#run(RENEW, [this.group, this.#owner.consumer])
  }

  /** Forgets members that left without a word, once they hold nothing. */
  async forgetConsumers(): Promise<void> {
    await this.#run(FORGET_CONSUMERS, [this.group, FORGOTTEN_AFTER_MS])
  }

  /** Gives these back to the group, or with `all` everything, and leaves. */
  async release(which: 'some' | 'all', waiting: readonly StreamDelivery[]): Promise<void> {
    if (which === 'some' && waiting.length === 0) return
    const pairs = waiting.flatMap(({ entryId, redeliveries }) => [entryId, String(redeliveries)])
    await this.#run(RELEASE, [this.group, this.#owner.consumer, which, ...pairs])
  }

  /** A requeue is counted, and keeps the entry this consumer's own, or makes it anybody's. Never a new entry: other groups would see it. */
  async #requeue(delivery: StreamDelivery): Promise<SettleAnswer> {
    const { consumer, takesIn } = this.#owner
    // Kept here it will be delivered once more at once; given back it will be when somebody claims it.
    const count = String(delivery.redeliveries + (takesIn ? 2 : 1))
    const whose = takesIn ? [consumer, '0', delivery.entryId] : [RELEASED, '0', delivery.entryId, 'IDLE', RELEASED_IDLE_MS]
    try {
      const args = ['XCLAIM', this.key, this.group, ...whose, 'RETRYCOUNT', count, 'JUSTID']
      const claimed = (await this.#link().send(this.key, args)) as readonly string[]
      if (delivery.lost.aborted) return 'lost'
      this.#owner.settled(delivery, takesIn && claimed.length > 0 ? delivery.again() : undefined)
      return claimed.length > 0 ? 'settled' : 'lost'
    } catch (thrown) {
      this.#owner.failed(this.topic, thrown)
      return 'lost'
    }
  }

  #run(script: RedisScript, args: readonly Argument[], form?: ReplyForm): Promise<unknown> {
    return script.run(this.#link(), [this.key], args, form)
  }

  #link(): RedisLink {
    const { link } = this.#owner
    if (link === undefined) throw new Error('the connection was lost')
    return link
  }
}
