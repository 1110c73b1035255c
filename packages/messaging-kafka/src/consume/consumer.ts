import { randomUUID } from 'node:crypto'
import { type CommunicationError, ConnectionError, type Timer, withinLimit } from '@comm/core'
import { type Connection, type KafkaLink, kafkaErrors } from '@comm/kafka-driver'
import { type HandoverParts, Intake, type LinkConsumer } from '@comm/messaging/adapter'
import type { ResolvedOptions } from '../options.ts'
import { checkNames, ensureTopics, type Part, partFor, partsOf } from '../topics.ts'
import type { KafkaDelivery } from './delivery.ts'
import { GroupMember } from './group-member.ts'

/** Until all members of a group have joined it anew. */
const JOIN_LIMIT_MS = 90_000
const CLOSE_LIMIT_MS = 5000
/** A member that the group has not heard of for so many sessions, though Kafka answers, begins anew. */
const SESSIONS_UNTIL_ANEW = 4

export interface ConsumerParts extends HandoverParts {
  readonly connection: Connection
  readonly options: ResolvedOptions
  /** Consumers that are leaving. */
  readonly leaving: Set<Promise<void>>
}

/** What consumes for one subscription: a member of a group for each of its topics, which share its credits. It outlives lost connections. */
export class KafkaConsumer implements LinkConsumer {
  readonly #parts: ConsumerParts
  readonly #intake: Intake<KafkaDelivery>
  readonly #members = new Map<string, GroupMember>()
  /** Taken while their member was between two assignments. */
  #held: KafkaDelivery[] = []
  #unsettled = 0
  #isStopping = false
  #watch: Timer | undefined
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#intake = new Intake(parts.request.maxUnsettled, (delivery) => this.#handOver(delivery))
    for (const topic of parts.request.topics) this.#members.set(topic, this.#member(topic))
  }

  async open(): Promise<void> {
    const { connection, options, request } = this.#parts
    const what = `subscribe to ${request.topics.join(', ')}`
    const link = connection.require(what)
    for (const topic of this.#members.keys()) await ensureTopics(link, this.#partsOf(topic), options, request.temporary)
    this.#watchSoon()
    const opened = Promise.all([...this.#members.values()].map((member) => member.open())).then(() => true)
    if ((await withinLimit(options.clock, JOIN_LIMIT_MS, opened)) === undefined)
      throw new ConnectionError(`cannot ${what}: the group did not take us in within ${JOIN_LIMIT_MS} ms`)
  }

  stopIntake(): void {
    this.#isStopping = true
    this.#intake.close()
    this.#held = []
    for (const member of this.#members.values()) member.stopIntake()
    this.#leaveWhenDone()
  }

  /** In the partitions that are ours: what waits in others is for other members. */
  async lag(): Promise<number> {
    const lags = await Promise.all([...this.#members.values()].map((member) => member.lag()))
    return lags.reduce((sum, lag) => sum + lag, 0)
  }

  async close(reason: CommunicationError): Promise<void> {
    await this.#leave(reason)
    const { connection, options, request } = this.#parts
    if (!request.temporary) return
    const deleted = connection.link?.deleteTopics(request.topics).catch(() => undefined)
    await withinLimit(options.clock, CLOSE_LIMIT_MS, Promise.resolve(deleted))
  }

  #leave(reason: CommunicationError): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    const { leaving } = this.#parts
    const closing = this.#close(reason).finally(() => leaving.delete(closing))
    leaving.add(closing)
    this.#closing = closing
    return closing
  }

  lose(reason: CommunicationError): void {
    void this.#leave(reason)
  }

  async #close(reason: CommunicationError): Promise<void> {
    this.#watch?.cancel()
    this.#intake.close()
    this.#held = []
    const closed = Promise.all([...this.#members.values()].map((member) => member.close(reason)))
    await withinLimit(this.#parts.options.clock, CLOSE_LIMIT_MS, closed)
  }

  /** A stopped consumer that has nothing left makes room for others of its group. */
  #leaveWhenDone(): void {
    if (this.#isStopping && this.#unsettled === 0) void this.#leave(kafkaErrors.closed('the subscription'))
  }

  #handOver(delivery: KafkaDelivery): void {
    const { partition } = delivery
    if (partition.lost.aborted) return this.#intake.settled(delivery)
    if (this.#members.get(delivery.topic)?.isHolding) return void this.#held.push(delivery)
    partition.handedOver(delivery)
    this.#unsettled++
    this.#parts.onDelivery(delivery)
  }

  #settled(delivery: KafkaDelivery, again?: KafkaDelivery): void {
    this.#unsettled--
    if (again === undefined) this.#intake.settled(delivery)
    else this.#intake.requeue(again)
    this.#leaveWhenDone()
  }

  #failed(reason: CommunicationError): void {
    if (this.#closing !== undefined) return
    void this.#leave(reason)
    this.#parts.onLost(reason)
  }

  /** What is for this subscription alone never waits for its time. */
  #partsOf(topic: string): readonly Part[] {
    const { group, temporary } = this.#parts.request
    return temporary ? [partFor(topic, undefined, 0)] : partsOf(topic, group)
  }

  #member(topic: string): GroupMember {
    const { connection, options, request } = this.#parts
    const { group, lanes, from = 'new' } = request
    const parts = this.#partsOf(topic)
    checkNames(parts)
    const isReset = from === 'new' && group !== undefined && options.consumerConfig.autoOffsetReset === 'earliest'
    return new GroupMember({
      connection,
      options,
      topic,
      parts,
      groupId: group === undefined ? `${options.clientId}-${randomUUID()}` : options.groupId(group, topic),
      isEphemeral: group === undefined,
      lanes,
      from: isReset ? 'earliest' : from,
      offer: (delivery) => this.#intake.offer(delivery),
      settled: (delivery, again) => this.#settled(delivery, again),
      lost: (deliveries) => {
        for (const delivery of deliveries) this.#settled(delivery)
      },
      released: () => {
        for (const delivery of this.#held.splice(0)) this.#handOver(delivery)
      },
      failed: (reason) => this.#failed(reason),
    })
  }

  #watchSoon(): void {
    const { connection, options } = this.#parts
    const { heartbeatIntervalMs, sessionTimeoutMs } = options.consumerConfig
    this.#watch = options.clock.setTimer(heartbeatIntervalMs / 2, () => {
      for (const member of this.#members.values())
        if (member.silentMs >= sessionTimeoutMs) this.#missed(member, connection.link, sessionTimeoutMs)
      if (this.#closing === undefined) this.#watchSoon()
    })
  }

  #missed(member: GroupMember, link: KafkaLink | undefined, sessionMs: number): void {
    const { silentMs, topic } = member
    member.suspend()
    if (link === undefined) return
    // A consumer is silent, too, when its topic is gone.
    link.leaders(topic).then(
      (leaders) => {
        if (leaders === undefined) this.#failed(kafkaErrors.gone(`topic ${topic}`))
      },
      () => undefined,
    )
    if (silentMs < sessionMs * SESSIONS_UNTIL_ANEW) return
    const text = `the group of topic ${topic} has not heard of this consumer for ${Math.round(silentMs)} ms`
    this.#failed(new ConnectionError(text))
  }
}
