import { randomBytes } from 'node:crypto'
import { CommunicationError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import { Batch } from './batch.ts'
import type { Connection, Link } from './connection.ts'
import { declareDelay, declareGroup } from './declare.ts'
import { delayTier } from './delay.ts'
import { abortedError, fromAmqp, notConnectedError, refused, tooLargeError, unroutableError } from './errors.ts'
import { propertiesOf } from './message.ts'
import { delayName, fitsName, groupExchange, groupKey } from './names.ts'
import type { ResolvedOptions } from './options.ts'
import { openConfirmedSender, openUnconfirmedSender, type Sender } from './sender.ts'

/** What was made ready on one link. */
class Prepared {
  readonly link: Link
  readonly delays = new Map<string, Promise<void>>()
  readonly groups = new Map<string, Promise<boolean>>()
  confirmed: Promise<Sender> | undefined
  unconfirmed: Promise<Sender> | undefined

  constructor(link: Link) {
    this.link = link
  }
}

/** One call of publish. */
interface PublishCall {
  readonly prepared: Prepared
  readonly signal: AbortSignal
  /** Now, the same for every record. */
  readonly wall: number
}

/** Sends each record once. */
export class Publisher {
  readonly #connection: Connection
  readonly #options: ResolvedOptions
  /** Whether the group has a subscription here, so that its queue exists under whatever name or pattern. */
  readonly #isSubscribed: (topic: string, group: string) => boolean
  /** Ids are this and a number: no other publisher has the same. */
  readonly #idPrefix = `${randomBytes(9).toString('base64url')}.`
  #prepared: Prepared | undefined
  #sent = 0

  constructor(connection: Connection, options: ResolvedOptions, isSubscribed: (topic: string, group: string) => boolean) {
    this.#connection = connection
    this.#options = options
    this.#isSubscribed = isSubscribed
  }

  /** @param refusal why nothing can be published now, as far as the caller knows */
  async publish(
    records: readonly OutboundRecord[],
    signal: AbortSignal,
    refusal: CommunicationError | undefined,
  ): Promise<readonly PublishResult[]> {
    const { link, blocked, lastError } = this.#connection
    if (signal.aborted) return allRefused(records, abortedError('publishing to', signal))
    if (refusal !== undefined) return allRefused(records, refusal)
    if (link === undefined) return allRefused(records, notConnectedError('publish', lastError))
    if (blocked !== undefined)
      return allRefused(records, notConnectedError('publish', new CommunicationError(`It takes no publishes: ${blocked}`)))
    if (this.#prepared?.link !== link) this.#prepared = new Prepared(link)
    const call = { prepared: this.#prepared, signal, wall: this.#options.clock.wall() }
    const isPlain = records.every(({ group, notBefore }) => group === undefined && notBefore === undefined)
    return isPlain ? this.#send(call, records) : this.#sendPrepared(call, records)
  }

  /** Delay queues, and the groups that delayed records are for, must be there before: what expires towards nobody is dropped. */
  async #sendPrepared(call: PublishCall, records: readonly OutboundRecord[]): Promise<readonly PublishResult[]> {
    const failures = await Promise.all(records.map((record) => this.#prepare(call, record)))
    const sendable = records.filter((_, index) => failures[index] === undefined)
    const results = await this.#makeGroups(call, sendable, await this.#send(call, sendable))
    let next = 0
    return failures.map((failure) => failure ?? (results[next++] as PublishResult))
  }

  /** A group that is not there yet is made, and gets its record again. */
  async #makeGroups(
    call: PublishCall,
    records: readonly OutboundRecord[],
    results: readonly PublishResult[],
  ): Promise<readonly PublishResult[]> {
    const homeless = records.filter((record, index) => isUnroutable(results[index]) && record.group !== undefined)
    if (homeless.length === 0) return results
    const failures = await Promise.all(homeless.map((record) => this.#makeGroup(call, record)))
    const again = await this.#send(
      call,
      homeless.filter((_, index) => failures[index] === undefined),
    )
    let next = 0
    const answers = new Map(homeless.map((record, index) => [record, failures[index] ?? (again[next++] as PublishResult)]))
    return records.map((record, index) => answers.get(record) ?? (results[index] as PublishResult))
  }

  async #send({ prepared, signal, wall }: PublishCall, records: readonly OutboundRecord[]): Promise<readonly PublishResult[]> {
    if (records.length === 0) return []
    let sender: Sender
    try {
      sender = await this.#sender(prepared, records)
    } catch (thrown) {
      return allRefused(records, fromAmqp('publish', thrown))
    }
    const { exchange, maxBodyBytes, maxPriority } = this.#options
    const batch = new Batch(records.length, signal)
    for (const [index, record] of records.entries()) {
      const key = record.group === undefined ? record.topic : groupKey(record.group, record.topic)
      if (record.body.byteLength > maxBodyBytes) {
        batch.answer(index, refused(tooLargeError(record, maxBodyBytes, 'the option maxBodyBytes')))
      } else if (!fitsName(key)) {
        batch.answer(index, refused(unroutableError(record, exchange)))
      } else {
        const id = `${this.#idPrefix}${(++this.#sent).toString(36)}`
        const properties = propertiesOf(record, id, wall, maxPriority !== undefined)
        sender.send({ record, exchange: this.#exchangeFor(record, wall), key, properties }, batch, index)
      }
    }
    return batch.done
  }

  /** Retries and dead letters are always confirmed: an acknowledgement depends on them. */
  #sender(prepared: Prepared, records: readonly OutboundRecord[]): Promise<Sender> {
    if (this.#options.confirmDelivery || records.some(({ group }) => group !== undefined)) {
      prepared.confirmed ??= openConfirmedSender(prepared.link, () => {
        prepared.confirmed = undefined
      })
      prepared.confirmed.catch(() => {
        prepared.confirmed = undefined
      })
      return prepared.confirmed
    }
    prepared.unconfirmed ??= openUnconfirmedSender(prepared.link, () => {
      prepared.unconfirmed = undefined
    })
    prepared.unconfirmed.catch(() => {
      prepared.unconfirmed = undefined
    })
    return prepared.unconfirmed
  }

  #exchangeFor({ group, notBefore = 0 }: OutboundRecord, wall: number): string {
    const target = this.#target(group)
    return notBefore > wall ? delayName(target, delayTier(notBefore - wall)) : target
  }

  #target(group: string | undefined): string {
    return group === undefined ? this.#options.exchange : groupExchange(this.#options.exchange)
  }

  /** @returns why it cannot be sent */
  async #prepare(call: PublishCall, record: OutboundRecord): Promise<PublishResult | undefined> {
    const { topic, group, notBefore = 0 } = record
    const remainingMs = notBefore - call.wall
    if (remainingMs <= 0) return undefined
    const target = this.#target(group)
    const tier = delayTier(remainingMs)
    const { link, delays } = call.prepared
    try {
      await once(delays, delayName(target, tier), () => declareDelay(link, target, tier))
    } catch (thrown) {
      return refused(fromAmqp(`delay a record for topic ${topic}`, thrown))
    }
    return group === undefined || this.#isSubscribed(topic, group) ? undefined : this.#makeGroup(call, record)
  }

  async #makeGroup({ prepared }: PublishCall, { topic, group = '' }: OutboundRecord): Promise<PublishResult | undefined> {
    const queue = { topic, group, ordered: false, takesTopic: false }
    try {
      await once(prepared.groups, groupKey(group, topic), () => declareGroup(prepared.link, this.#options, queue))
      return undefined
    } catch (thrown) {
      return refused(fromAmqp(`make group ${group} of topic ${topic}`, thrown))
    }
  }
}

function allRefused(records: readonly OutboundRecord[], error: CommunicationError): readonly PublishResult[] {
  return records.map(() => refused(error))
}

function isUnroutable(result: PublishResult | undefined): boolean {
  return result?.ok === false && result.error.code === 'COMM_UNROUTABLE'
}

/** Made once, and again after it failed. */
function once<Value>(made: Map<string, Promise<Value>>, name: string, make: () => Promise<Value>): Promise<Value> {
  const existing = made.get(name)
  if (existing !== undefined) return existing
  const making = make()
  made.set(name, making)
  making.catch(() => made.delete(name))
  return making
}
