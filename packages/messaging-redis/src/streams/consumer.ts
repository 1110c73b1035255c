import { randomBytes } from 'node:crypto'
import { type Clock, type CommunicationError, ConnectionError } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { Intake, type LinkConsumer, withinLimit } from '@comm/messaging/adapter'
import { isGone, type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import type { MakeConsumer, OnDelivery } from '../adapter.ts'
import type { RedisDelivery } from '../delivery.ts'
import { errors } from '../errors.ts'
import type { ResolvedStreams } from '../options.ts'
import { GroupStream } from './group-stream.ts'
import { topicKeys } from './keys.ts'
import { type ReaderOwner, type TopicMemory, TopicReader } from './topic-reader.ts'
import type { Trimmer } from './trimmer.ts'

/** What is left to do at a disposal may take this long, where the server does not answer. */
const LEAVE_LIMIT_MS = 2000

/** What all consumers of a subscription share: one after the other they are the same member of its group. */
interface Membership {
  readonly connection: RedisConnection
  readonly options: ResolvedStreams
  readonly trimmer: Trimmer
  readonly request: SubscribeRequest
  readonly onDelivery: OnDelivery
  readonly member: string
  readonly topics: ReadonlyMap<string, TopicMemory>
}

/** @returns what makes a consumer for each connection of a subscription */
export function streamConsumers(
  connection: RedisConnection,
  options: ResolvedStreams,
  trimmer: Trimmer,
  request: SubscribeRequest,
  onDelivery: OnDelivery,
): MakeConsumer {
  const member = `${connection.options.clientId ?? 'comm'}-${randomBytes(8).toString('hex')}`
  const topics = new Map(request.topics.map((topic) => [topic, { cursor: undefined, wasRead: false }]))
  const membership = { connection, options, trimmer, request, onDelivery, member, topics }
  return (link, onLost) => new StreamConsumer(membership, link, onLost)
}

/** A member of a group, or a subscriber of its own, over one connection. */
class StreamConsumer implements LinkConsumer, ReaderOwner {
  readonly link: RedisLink
  readonly member: string
  readonly clock: Clock
  isStopping = false
  readonly #request: SubscribeRequest
  readonly #onLost: (reason: CommunicationError) => void
  readonly #intake: Intake<RedisDelivery>
  readonly #readers: ReadonlyMap<string, TopicReader>
  readonly #lost = new AbortController()

  constructor(membership: Membership, link: RedisLink, onLost: (reason: CommunicationError) => void) {
    const { connection, options, trimmer, request, onDelivery, member, topics } = membership
    this.link = link
    this.member = member
    this.clock = connection.options.clock
    this.#request = request
    this.#onLost = onLost
    this.#intake = new Intake(request.maxUnsettled, (delivery) => {
      this.#readers.get(delivery.topic)?.room.taken()
      if (delivery.source instanceof GroupStream) delivery.source.hold(delivery)
      onDelivery(delivery)
    })
    this.#readers = new Map(
      [...topics].map(([topic, memory]) => {
        const keys = topicKeys(options.keyPrefix, topic)
        return [topic, new TopicReader(keys, request, this, options, memory, trimmer)]
      }),
    )
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async open(): Promise<void> {
    try {
      await this.#each((reader) => reader.open())
    } catch (thrown) {
      throw redisError(thrown, `subscribe to ${this.#request.topics.join(', ')}`)
    }
    if (this.lost.aborted) throw this.lost.reason
    for (const reader of this.#readers.values()) reader.begin()
  }

  add(delivery: RedisDelivery): void {
    this.#intake.offer(delivery)
  }

  settled(delivery: RedisDelivery): void {
    this.#intake.settled(delivery)
  }

  requeued(delivery: RedisDelivery): void {
    this.#readers.get(delivery.topic)?.room.add(delivery.body.byteLength)
    this.#intake.requeue(delivery.again())
  }

  fail(topic: string, thrown: unknown): void {
    const gone = isGone(thrown) ? errors.gone(`topic ${topic} or its group`, thrown) : undefined
    this.#giveUp(gone ?? redisError(thrown, `go on with the subscription to ${topic}`))
  }

  deposed(): void {
    this.#giveUp(new ConnectionError(`another consumer of group ${this.#request.group} became the active one`))
  }

  async stopIntake(): Promise<void> {
    this.isStopping = true
    this.#intake.close()
    await this.#atMost(this.#each((reader) => reader.stop()))
  }

  async close(reason: CommunicationError): Promise<void> {
    await this.stopIntake()
    this.#lost.abort(reason)
    await this.#atMost(this.#each((reader) => reader.leave()))
    this.lose(reason)
  }

  lose(reason: CommunicationError): void {
    this.isStopping = true
    this.#intake.close()
    this.#lost.abort(reason)
    for (const reader of this.#readers.values()) reader.destroy()
  }

  #giveUp(error: CommunicationError): void {
    if (this.lost.aborted) return
    this.lose(error)
    this.#onLost(error)
  }

  async #each(work: (reader: TopicReader) => Promise<void>): Promise<void> {
    await Promise.all([...this.#readers.values()].map(work))
  }

  /** Never rejects: what cannot be given back now is claimed by others later. */
  async #atMost(work: Promise<void>): Promise<void> {
    await withinLimit(
      this.clock,
      LEAVE_LIMIT_MS,
      work.catch(() => undefined),
    )
  }
}
