import { CommunicationError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { allRefused, maybeStored, PublishAnswers, refused, STORED } from '@comm/messaging/adapter'
import type { Connection } from './connection.ts'
import { declareDelay, declareGroup } from './declare.ts'
import { delayTier } from './delay.ts'
import { errors, fromAmqp } from './errors.ts'
import type { Link } from './link.ts'
import { MessageWriter } from './message.ts'
import { delayName, fitsName, groupExchange, groupKey, queueOf } from './names.ts'
import type { ResolvedOptions } from './options.ts'
import { Sender, unroutable } from './sender.ts'

interface PublishCall {
  readonly link: Link
  readonly signal: AbortSignal
  /** Now: the same throughout, so that a record goes to the delay that was declared for it. */
  readonly wall: number
}

/** Sends each record once. */
export class Publisher {
  readonly #connection: Connection
  readonly #options: ResolvedOptions
  /** Whether the group has a subscription here, so that its queue exists under whatever name or pattern. */
  readonly #isSubscribed: (topic: string, group: string) => boolean
  readonly #writer: MessageWriter
  #sender: Sender | undefined

  constructor(connection: Connection, options: ResolvedOptions, isSubscribed: (topic: string, group: string) => boolean) {
    this.#connection = connection
    this.#options = options
    this.#isSubscribed = isSubscribed
    this.#writer = new MessageWriter(options.maxPriority !== undefined)
  }

  /** As `BrokerAdapter.publish`. */
  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { link, blocked, lastError } = this.#connection
    if (link === undefined) return allRefused(records, errors.notConnected('publish', lastError))
    if (blocked !== undefined)
      return allRefused(records, errors.notConnected('publish', new CommunicationError(`It takes no publishes: ${blocked}`)))
    const call: PublishCall = { link, signal, wall: this.#options.clock.wall() }
    if (records.every(isPlain)) return this.#send(call, records)
    return Promise.all(records.map((record) => this.#publishOne(call, record)))
  }

  /** A delay queue, and the group that a delayed record is for, must be there before: what expires towards nobody is dropped. */
  async #publishOne(call: PublishCall, record: OutboundRecord): Promise<PublishResult> {
    const { link, wall } = call
    const { topic, group, notBefore = 0 } = record
    const remainingMs = notBefore - wall
    try {
      if (remainingMs > 0) {
        const target = this.#target(record)
        const tier = delayTier(remainingMs)
        await link.once(delayName(target, tier), () => declareDelay(link, target, tier))
        if (group !== undefined && !this.#isSubscribed(topic, group)) await this.#makeGroup(link, topic, group)
      }
      const result = await this.#sendOne(call, record)
      if (group === undefined || result?.ok !== false || result.error.code !== 'COMM_UNROUTABLE') return result
      await this.#makeGroup(link, topic, group)
    } catch (thrown) {
      return refused(fromAmqp(`make the queues for a record of topic ${topic}`, thrown))
    }
    return this.#sendOne(call, record)
  }

  #makeGroup(link: Link, topic: string, group: string): Promise<unknown> {
    const wanted = { topic, group, ordered: false, takesTopic: false }
    return link.once(queueOf(topic, group), () => declareGroup(link, this.#options, wanted))
  }

  async #sendOne(call: PublishCall, record: OutboundRecord): Promise<PublishResult> {
    const [result] = await this.#send(call, [record])
    return result as PublishResult
  }

  async #send({ link, signal, wall }: PublishCall, records: readonly OutboundRecord[]): Promise<readonly PublishResult[]> {
    let sender = this.#sender
    if (sender?.link !== link || !sender.isOpen) {
      try {
        sender = await this.#open(link)
      } catch (thrown) {
        return allRefused(records, fromAmqp('publish', thrown))
      }
    }
    const answers = new PublishAnswers(records.length, signal, whenAborted)
    for (let index = 0; index < records.length; index++)
      this.#sendTo(sender, records[index] as OutboundRecord, wall, answers, index)
    // Retries and dead letters are always confirmed: an acknowledgement depends on them.
    if (!this.#options.confirmDelivery && records.every(({ group }) => group === undefined)) {
      await sender.room
      for (let index = 0; index < records.length; index++) answers.answer(index, STORED)
    }
    return answers.done
  }

  #sendTo(sender: Sender, record: OutboundRecord, wall: number, answers: PublishAnswers, index: number): void {
    const { maxBodyBytes } = this.#options
    const { topic, group, body, notBefore = 0 } = record
    const target = this.#target(record)
    const exchange = notBefore > wall ? delayName(target, delayTier(notBefore - wall)) : target
    const key = group === undefined ? topic : groupKey(group, topic)
    if (body.byteLength > maxBodyBytes)
      answers.answer(index, refused(errors.tooLarge(record, maxBodyBytes, 'the option maxBodyBytes')))
    else if (!fitsName(key)) answers.answer(index, refused(unroutable(topic, exchange)))
    else sender.send({ record, exchange, key, properties: this.#writer.propertiesOf(record, wall) }, answers, index)
  }

  /** Calls that come meanwhile share it. */
  async #open(link: Link): Promise<Sender> {
    this.#sender = (await link.once('sender', () => Sender.open(link).finally(() => link.forget('sender')))) as Sender
    return this.#sender
  }

  /** The exchange that leads to the record's queues. */
  #target({ group }: OutboundRecord): string {
    return group === undefined ? this.#options.exchange : groupExchange(this.#options.exchange)
  }
}

function isPlain({ group, notBefore }: OutboundRecord): boolean {
  return group === undefined && notBefore === undefined
}

function whenAborted(signal: AbortSignal): PublishResult {
  return maybeStored(errors.aborted('publishing to', signal))
}
