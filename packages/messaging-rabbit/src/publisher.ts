import { CommunicationError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { allRefused, maybeStored, PublishAnswers, refused, STORED } from '@comm/messaging/adapter'
import { fromAmqp, type Link, rabbitErrors, StuckLines } from '@comm/rabbit-driver'
import type { Connections } from './connections.ts'
import { declareDelay, declareGroup } from './declare.ts'
import { delayTier } from './delay-tier.ts'
import { fieldsOf } from './message.ts'
import { delayName, fitsName, groupExchange, lineOf, queueOf, routingKeyOf } from './names.ts'
import type { ResolvedOptions } from './options.ts'
import { makeHelper } from './queues.ts'
import { Sender, unroutable } from './sender.ts'

type Records = readonly OutboundRecord[]
type Results = readonly PublishResult[]

/** Sends each record once. */
export class Publisher {
  readonly #connections: Connections
  readonly #options: ResolvedOptions
  /** Whether the group has a subscription here, so that its queue exists under whatever name or pattern. */
  readonly #isSubscribed: (topic: string, group: string) => boolean
  readonly #stuck: StuckLines

  constructor(connections: Connections, options: ResolvedOptions, isSubscribed: (topic: string, group: string) => boolean) {
    this.#connections = connections
    this.#options = options
    this.#isSubscribed = isSubscribed
    this.#stuck = new StuckLines({ ...options, broker: 'RabbitMQ', prove: () => this.#prove() })
  }

  /** As `BrokerAdapter.publish`. */
  publish(records: Records, signal: AbortSignal): Promise<Results> {
    const { link, blocked, lastError } = this.#connections.publishing
    const reason = blocked === undefined ? lastError : new CommunicationError(`It takes no publishes: ${blocked}`)
    if (link === undefined || blocked !== undefined)
      return Promise.resolve(allRefused(records, rabbitErrors.notConnected('publish', reason)))
    // The same throughout, so that a record goes to the delay that was declared for it.
    const wall = this.#options.clock.wall()
    if (this.#stuck.size === 0 && records.every(isPlain)) return this.#send(link, wall, records, signal)
    return Promise.all(records.map((record) => this.#publishOne(link, wall, record, signal)))
  }

  async #publishOne(link: Link, wall: number, record: OutboundRecord, signal: AbortSignal): Promise<PublishResult> {
    const result = await this.#tryOne(link, wall, record, signal, false)
    const isUnroutable = !result.ok && result.error.code === 'COMM_UNROUTABLE'
    const isOurs = record.group !== undefined || (record.notBefore ?? 0) > wall
    return isUnroutable && isOurs ? this.#tryOne(link, wall, record, signal, true) : result
  }

  /**
   * A delay queue, and the group that a delayed record is for, must be there before: what expires towards nobody is dropped.
   * @param anew what was made has been deleted, or was never there
   */
  async #tryOne(link: Link, wall: number, record: OutboundRecord, signal: AbortSignal, anew: boolean): Promise<PublishResult> {
    const { topic, group, notBefore = 0 } = record
    const isDelayed = notBefore > wall
    const make = (name: string, declare: () => Promise<unknown>) => link.once[anew ? 'remake' : 'make'](name, declare)
    try {
      if (isDelayed) {
        const target = this.#target(record)
        const tier = delayTier(notBefore - wall)
        await make(delayName(target, tier), () => declareDelay(link, this.#options, target, tier))
      }
      if (group !== undefined && (isDelayed ? !this.#isSubscribed(topic, group) : anew)) {
        const wanted = { topic, group, ordered: false, takesTopic: false }
        await make(queueOf(topic, group), () => declareGroup(link, this.#options, wanted))
      }
    } catch (thrown) {
      return refused(fromAmqp(`make the queues for a record of topic ${topic}`, thrown))
    }
    const line = lineOf(this.#exchange(record, wall), routingKeyOf(record))
    const [result] = await this.#send(link, wall, [record], signal, this.#stuck.has(line) ? line : undefined)
    return result as PublishResult
  }

  /** @param aside the line of a record that goes by itself */
  #send(link: Link, wall: number, records: Records, signal: AbortSignal, aside?: string): Promise<Results> {
    const sender = Sender.at(link, aside)
    if (sender !== undefined) return this.#sendOver(sender, wall, records, signal, aside)
    return Sender.on(link, this.#stuck, aside).then(
      (opened) => this.#sendOver(opened, wall, records, signal, aside),
      (thrown: unknown) => allRefused(records, fromAmqp('publish', thrown)),
    )
  }

  #sendOver(sender: Sender, wall: number, records: Records, signal: AbortSignal, aside?: string): Promise<Results> {
    if (aside !== undefined && sender.isWaiting) return Promise.resolve(allRefused(records, this.#stuck.error(aside)))
    const answers = new PublishAnswers(records.length, signal, whenAborted)
    for (let index = 0; index < records.length; index++)
      this.#sendTo(sender, records[index] as OutboundRecord, wall, answers, index)
    // Retries and dead letters are always confirmed: an acknowledgement depends on them.
    if (!this.#options.confirmDelivery && records.every(({ group }) => group === undefined)) {
      void Promise.resolve(sender.room?.promise).then(() => {
        for (let index = 0; index < records.length; index++) answers.answer(index, STORED)
      })
    }
    return answers.done
  }

  #sendTo(sender: Sender, record: OutboundRecord, wall: number, answers: PublishAnswers, index: number): void {
    const { maxBodyBytes, maxPriority } = this.#options
    const { topic, body } = record
    const exchange = this.#exchange(record, wall)
    const key = routingKeyOf(record)
    if (body.byteLength > maxBodyBytes)
      answers.answer(index, refused(rabbitErrors.tooLarge(record, maxBodyBytes, 'the option maxBodyBytes')))
    else if (!fitsName(key)) answers.answer(index, refused(unroutable(topic, exchange)))
    else sender.send(record, fieldsOf(record, exchange, key, wall, maxPriority !== undefined), answers, index)
  }

  /** Over the connection that consumes. What nobody waits to be confirmed would be lost if that which publishes were given up. */
  async #prove(): Promise<void> {
    const { link, publishing } = this.#connections
    const isFree = publishing.blocked === undefined && this.#options.confirmDelivery
    if (link === undefined || !isFree) throw rabbitErrors.notConnected('make a queue', publishing.lastError)
    await makeHelper(link)
  }

  #exchange(record: OutboundRecord, wall: number): string {
    const { notBefore = 0 } = record
    const target = this.#target(record)
    return notBefore > wall ? delayName(target, delayTier(notBefore - wall)) : target
  }

  /** The exchange that leads to the record's queues. */
  #target({ group }: OutboundRecord): string {
    return group === undefined ? this.#options.exchange : groupExchange(this.#options.exchange)
  }
}

function isPlain({ group, notBefore }: OutboundRecord): boolean {
  return group === undefined && notBefore === undefined
}

const whenAborted = (signal: AbortSignal): PublishResult => maybeStored(rabbitErrors.aborted('publishing to', signal))
