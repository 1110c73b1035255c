import { randomUUID } from 'node:crypto'
import { type CommunicationError, ConnectionError, type Timer } from '@comm/core'
import type { Delivery, SubscribeRequest } from '@comm/messaging'
import { Intake, type LinkConsumer, withinLimit } from '@comm/messaging/adapter'
import type { KafkaDriver, KafkaLink } from '../driver/driver.ts'
import { ERRORS } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import { partsOf } from '../topic-names.ts'
import { checkTopicNames, ensureTopics } from '../topics.ts'
import type { KafkaDelivery } from './delivery.ts'
import { GroupMember, type MemberParts } from './group-member.ts'

/** Until all members of a group have joined it anew. */
const JOIN_LIMIT_MS = 90_000
const CLOSE_LIMIT_MS = 5000
/** A member that the group has not heard of for so many sessions, though Kafka answers, begins anew. */
const SESSIONS_UNTIL_ANEW = 4

export interface ConsumerParts {
  readonly driver: KafkaDriver
  /** Undefined while there is no connection. */
  readonly link: () => KafkaLink | undefined
  readonly options: ResolvedOptions
  readonly request: SubscribeRequest
  readonly onDelivery: (delivery: Delivery) => void
  readonly onLost: (reason: CommunicationError) => void
  /** Consumers that are leaving. */
  readonly leaving: Set<Promise<void>>
}

/** What consumes for one subscription: a member of a group for each of its topics, which share its credits. It outlives lost connections. */
export class KafkaConsumer implements LinkConsumer {
  readonly #parts: ConsumerParts
  readonly #intake: Intake<KafkaDelivery>
  readonly #members: readonly GroupMember[]
  readonly #memberOf = new Map<string, GroupMember>()
  /** Taken while their member was between two assignments. */
  #held: KafkaDelivery[] = []
  #unsettled = 0
  #isStopping = false
  #watch: Timer | undefined
  #closing: Promise<void> | undefined

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    const { request } = parts
    this.#intake = new Intake(request.maxUnsettled, (delivery) => this.#handOver(delivery))
    this.#members = [...new Set(request.topics)].map((topic) => {
      const member = new GroupMember(this.#memberParts(topic))
      this.#memberOf.set(topic, member)
      return member
    })
  }

  async open(): Promise<void> {
    const { options, request } = this.#parts
    const link = this.#parts.link()
    if (link === undefined) throw ERRORS.notConnected('subscribe')
    for (const topic of this.#memberOf.keys()) await ensureTopics(link, partsOf(topic, request.group), options.topicConfig)
    this.#watchSoon()
    const opened = Promise.all(this.#members.map((member) => member.open())).then(() => true)
    if ((await withinLimit(options.clock, JOIN_LIMIT_MS, opened)) === undefined)
      throw new ConnectionError(
        `cannot subscribe to ${request.topics.join(', ')}: the group did not take us in within ${JOIN_LIMIT_MS} ms`,
      )
  }

  stopIntake(): void {
    this.#isStopping = true
    this.#intake.close()
    this.#held = []
    for (const member of this.#members) member.stopIntake()
    this.#leaveWhenDone()
  }

  close(reason: CommunicationError): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    const { leaving } = this.#parts
    const closing = this.#close(reason).finally(() => leaving.delete(closing))
    leaving.add(closing)
    this.#closing = closing
    return closing
  }

  lose(reason: CommunicationError): void {
    void this.close(reason)
  }

  async #close(reason: CommunicationError): Promise<void> {
    this.#watch?.cancel()
    this.#intake.close()
    this.#held = []
    const closed = Promise.all(this.#members.map((member) => member.close(reason)))
    await withinLimit(this.#parts.options.clock, CLOSE_LIMIT_MS, closed)
  }

  /** A stopped consumer that has nothing left makes room for others of its group. */
  #leaveWhenDone(): void {
    if (this.#isStopping && this.#unsettled === 0) void this.close(ERRORS.closed('the subscription'))
  }

  #handOver(delivery: KafkaDelivery): void {
    const { partition } = delivery
    if (partition.lost.aborted) {
      this.#intake.settled(delivery)
    } else if (this.#memberOf.get(partition.topic)?.isHolding) {
      this.#held.push(delivery)
    } else {
      partition.handedOver(delivery)
      this.#unsettled++
      this.#parts.onDelivery(delivery)
    }
  }

  #released(): void {
    const held = this.#held
    this.#held = []
    for (const delivery of held) this.#handOver(delivery)
  }

  #settled(delivery: KafkaDelivery, again: KafkaDelivery | undefined): void {
    this.#unsettled--
    if (again === undefined) this.#intake.settled(delivery)
    else this.#intake.requeue(again)
    if (this.#isStopping) this.#leaveWhenDone()
  }

  #lost(deliveries: readonly KafkaDelivery[]): void {
    this.#unsettled -= deliveries.length
    for (const delivery of deliveries) this.#intake.settled(delivery)
    if (this.#isStopping) this.#leaveWhenDone()
  }

  #memberParts(topic: string): MemberParts {
    const { driver, link, options, request } = this.#parts
    const { group, lanes, from = 'new' } = request
    const parts = partsOf(topic, group)
    checkTopicNames(parts)
    const isEphemeral = group === undefined
    const begins = from === 'new' && !isEphemeral && options.consumerConfig.autoOffsetReset === 'earliest' ? 'earliest' : from
    const groupId = isEphemeral ? `${options.clientId}-${randomUUID()}` : options.groupId(group, topic)
    return {
      driver,
      link,
      options,
      topic,
      lanes,
      start: { groupId, parts, from: begins, isEphemeral },
      offer: (delivery) => this.#intake.offer(delivery),
      settled: (delivery, again) => this.#settled(delivery, again),
      lost: (deliveries) => this.#lost(deliveries),
      released: () => this.#released(),
      failed: (reason) => this.#failed(reason),
    }
  }

  #failed(reason: CommunicationError): void {
    if (this.#closing !== undefined) return
    void this.close(reason)
    this.#parts.onLost(reason)
  }

  #watchSoon(): void {
    const { clock, consumerConfig } = this.#parts.options
    this.#watch = clock.setTimer(consumerConfig.heartbeatIntervalMs / 2, () => {
      this.#lookAtMembers(consumerConfig.sessionTimeoutMs)
      if (this.#closing === undefined) this.#watchSoon()
    })
  }

  #lookAtMembers(sessionMs: number): void {
    const link = this.#parts.link()
    for (const member of this.#members) {
      if (member.silentMs < sessionMs) continue
      member.suspend()
      if (link === undefined) continue
      void this.#askFor(member.topic, link)
      if (member.silentMs > sessionMs * SESSIONS_UNTIL_ANEW)
        this.#failed(
          new ConnectionError(
            `the group of topic ${member.topic} has not heard of this consumer for ${Math.round(member.silentMs)} ms`,
          ),
        )
    }
  }

  /** A consumer is silent, too, when its topic is gone. */
  async #askFor(topic: string, link: KafkaLink): Promise<void> {
    const leaders = await link.leaders(topic).catch(() => [])
    if (leaders === undefined) this.#failed(ERRORS.gone(`topic ${topic}`))
  }
}
