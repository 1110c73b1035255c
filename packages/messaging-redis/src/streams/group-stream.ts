import type { RedisLink } from '@comm/redis-stores/connection'
import type { RedisDelivery, SettleAnswer, Settlement, Source } from '../delivery.ts'
import type { Fields } from './entry.ts'
import { idSuffix } from './keys.ts'
import { ACK_OWN, CLAIM, RELEASE, REQUEUE } from './scripts/consume.ts'

/** An entry and how often it was delivered before. */
export type ClaimedEntry = readonly [id: Buffer, fields: Fields, deliveries: Buffer]

/** What a stream needs of the consumer that reads it. */
export interface StreamOwner {
  readonly link: RedisLink
  /** This member's name in its group. */
  readonly member: string
  /** True once intake has stopped: what is given back is for others. */
  readonly isStopping: boolean
  /** The delivery left its handler's hands. */
  settled(delivery: RedisDelivery): void
  /** The same, and it is to be handed over again. */
  requeued(delivery: RedisDelivery): void
  /** A command failed: the consumer cannot go on. */
  fail(topic: string, thrown: unknown): void
}

interface AckBatch {
  readonly ids: string[]
  readonly answer: PromiseWithResolvers<SettleAnswer>
}

/** One stream as one member of a group uses it: every group's entries of a topic, or one group's own. */
export class GroupStream implements Source {
  readonly topic: string
  readonly key: string
  readonly idSuffix: string
  readonly hasTimes = true
  readonly #group: string
  readonly #owner: StreamOwner
  readonly #onAcked: ((count: number) => void) | undefined
  /** Handed over, and not settled as far as Redis knows. */
  readonly #held = new Set<string>()
  #acks: AckBatch | undefined

  /** @param onAcked hears how many entries are done with; undefined: the stream is the group's own, and they are deleted */
  constructor(topic: string, key: string, group: string, owner: StreamOwner, onAcked?: (count: number) => void) {
    this.topic = topic
    this.key = key
    this.idSuffix = idSuffix(onAcked === undefined ? group : undefined)
    this.#group = group
    this.#owner = owner
    this.#onAcked = onAcked
  }

  hold({ entryId }: RedisDelivery): void {
    this.#held.add(entryId)
  }

  settle(delivery: RedisDelivery, how: Settlement): Promise<SettleAnswer> {
    if (how === 'requeue') return this.#requeue(delivery)
    this.#owner.settled(delivery)
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
    const args = [this.#group, this.#owner.member, String(count), String(Math.ceil(minIdleMs)), from]
    const reply = await CLAIM.run(this.#owner.link, [this.key], whose === undefined ? args : [...args, whose], 'bytes')
    const [last, ...entries] = reply as readonly [Buffer, ...ClaimedEntry[]]
    return { entries, next: last.byteLength === 0 ? undefined : `(${last}` }
  }

  /** Gives back what was not handed over, or with `leave` everything. @param active who is the active consumer */
  async release(how: 'stop' | 'leave', active: string): Promise<void> {
    await this.#acknowledge()
    const held = how === 'stop' ? this.#held : []
    await RELEASE.run(this.#owner.link, [this.key, active], [this.#group, this.#owner.member, how, ...held])
  }

  /** Never rejects. */
  async #acknowledge(): Promise<void> {
    const batch = this.#acks
    this.#acks = undefined
    if (batch === undefined) return
    const { link } = this.#owner
    const args = [this.#group, ...batch.ids]
    try {
      if (this.#onAcked === undefined) await ACK_OWN.run(link, [this.key], args)
      else await link.send(this.key, ['XACK', this.key, ...args])
      this.#onAcked?.(batch.ids.length)
      batch.answer.resolve('settled')
    } catch (thrown) {
      batch.answer.resolve('lost')
      this.#owner.fail(this.topic, thrown)
    }
    for (const id of batch.ids) this.#held.delete(id)
  }

  async #requeue(delivery: RedisDelivery): Promise<SettleAnswer> {
    const { entryId, redeliveries = 0, lost } = delivery
    const { link, member, isStopping } = this.#owner
    // Kept here it will be delivered once more at once; given back it will be when somebody claims it.
    const args = [this.#group, entryId, String(redeliveries + (isStopping ? 1 : 2))]
    try {
      const found = await REQUEUE.run(link, [this.key], isStopping ? args : [...args, member])
      this.#held.delete(entryId)
      if (lost.aborted) return 'lost'
      if (isStopping || found === 0) this.#owner.settled(delivery)
      else this.#owner.requeued(delivery)
      return found === 0 ? 'lost' : 'settled'
    } catch (thrown) {
      this.#owner.fail(this.topic, thrown)
      return 'lost'
    }
  }
}
