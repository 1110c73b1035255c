import { type Clock, type CommunicationError, ConnectionError, type Timer } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { pause } from '@comm/messaging/adapter'
import type {
  IncomingMessage,
  KafkaDriver,
  KafkaLink,
  KafkaMember,
  MemberEvents,
  Position,
  TopicPartition,
} from '../driver/driver.ts'
import { ERRORS } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Part } from '../topic-names.ts'
import { AssignedPartition, type PartitionOwner } from './assigned-partition.ts'
import type { KafkaDelivery } from './delivery.ts'
import { type StartPosition, type StartRequest, startPositions } from './start-positions.ts'

const COMMIT_AGAIN_MS = 50

export interface MemberParts {
  readonly driver: KafkaDriver
  readonly link: () => KafkaLink | undefined
  readonly options: ResolvedOptions
  readonly start: StartRequest
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  offer(delivery: KafkaDelivery): void
  settled(delivery: KafkaDelivery, again: KafkaDelivery | undefined): void
  /** These were handed over, and are not ours any more. */
  lost(deliveries: readonly KafkaDelivery[]): void
  /** What was held back may go on. */
  released(): void
  failed(reason: CommunicationError): void
}

/** This process as a member of the group of one topic: partitions come and go, and how far they are settled is committed. */
export class GroupMember implements PartitionOwner, MemberEvents {
  readonly topic: string
  readonly lanes: SubscribeRequest['lanes']
  readonly clock: Clock
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
  readonly #parts: MemberParts
  readonly #ready = Promise.withResolvers<void>()
  #partitions = new Map<string, AssignedPartition>()
  /** How far partitions were settled here when they were lost: it may not have been committed. */
  readonly #settledUntil = new Map<string, Position>()
  #member: KafkaMember | undefined
  #memberId: string | undefined
  /** Counts assignments. */
  #generation = 0
  #isHolding = true
  #isSuspended = false
  #isOver = false
  #aliveAt: number
  #commitTimer: Timer | undefined
  #committing: Promise<void> | undefined

  constructor(parts: MemberParts) {
    const { options, topic, lanes } = parts
    this.#parts = parts
    this.topic = topic
    this.lanes = lanes
    this.clock = options.clock
    this.maxWaiting = options.consumerConfig.maxPollRecords
    this.maxWaitingBytes = options.consumerConfig.prefetchBytes
    this.#aliveAt = this.clock.now()
    this.#ready.promise.catch(() => undefined)
  }

  /** Nothing may be handed over: the group is about to share its partitions anew. */
  get isHolding(): boolean {
    return this.#isHolding
  }

  /** Milliseconds since the group heard of it. */
  get silentMs(): number {
    return this.clock.now() - this.#aliveAt
  }

  /** Resolves when it has its partitions, and where to read them is committed. @throws CommunicationError */
  async open(): Promise<void> {
    const { driver, start } = this.#parts
    const topics = start.parts.map(({ name }) => name)
    this.#member = await driver.member(start.groupId, topics, this)
    if (this.#isOver) return
    await Promise.all([this.#member.start(), this.#ready.promise])
  }

  joined(memberId: string, assignment: readonly TopicPartition[]): void {
    this.alive()
    this.#generation++
    // A new name: the group has gone on without us, so that what we had may be with others, if there are any.
    const isKept = memberId === this.#memberId || this.#isEphemeral
    this.#memberId = memberId
    const before = this.#partitions
    this.#partitions = new Map()
    const added: AssignedPartition[] = []
    for (const source of assignment) {
      const name = nameOf(source)
      const kept = isKept ? before.get(name) : undefined
      const partition = kept ?? new AssignedPartition(source, this.#partOf(source.topic), this)
      this.#partitions.set(name, partition)
      if (kept?.isReady) this.#member?.seek({ ...source, offset: kept.next })
      else added.push(partition)
    }
    for (const [name, partition] of before)
      if (this.#partitions.get(name) !== partition)
        this.#lose(partition, new ConnectionError('another consumer of the group took over'))
    this.#isHolding = false
    this.#parts.released()
    this.#begin(added).catch((error: CommunicationError) => this.failed(error))
  }

  rebalancing(): void {
    this.#isHolding = true
    void this.#commit()
  }

  alive(): void {
    this.#aliveAt = this.clock.now()
    if (this.#isSuspended) this.#goOn()
  }

  batch(source: TopicPartition, messages: readonly IncomingMessage[], next: number): void {
    if (!this.#isSuspended) this.#partitions.get(nameOf(source))?.receive(messages, next)
  }

  failed(reason: CommunicationError): void {
    this.#ready.reject(reason)
    if (!this.#isOver) this.#parts.failed(reason)
  }

  offer(delivery: KafkaDelivery): void {
    this.#parts.offer(delivery)
  }

  settled(delivery: KafkaDelivery, again: KafkaDelivery | undefined): void {
    if (again === undefined) this.#commitSoon()
    this.#parts.settled(delivery, again)
  }

  pause(source: TopicPartition): void {
    this.#member?.pause(source)
  }

  resume(source: TopicPartition): void {
    if (!this.#isOver) this.#member?.resume(source)
  }

  /** The group has not heard of us for a session: what we had may be with others. It is read again once we know that we are a member. */
  suspend(): void {
    if (this.#isSuspended || this.#isOver) return
    this.#isSuspended = true
    const reason = new ConnectionError(`the group of topic ${this.topic} was out of reach for longer than its session`)
    for (const [name, partition] of this.#partitions) {
      this.#lose(partition, reason)
      const again = new AssignedPartition(partition.source, partition.part, this)
      if (partition.isReady) again.begin(partition.take(), false)
      this.#partitions.set(name, again)
    }
  }

  /** Reads no more; what was handed over can be settled. */
  stopIntake(): void {
    for (const { source } of this.#partitions.values()) this.#member?.pause(source)
  }

  /** Commits, gives up what is unsettled, and leaves the group. */
  async close(reason: CommunicationError): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#commitTimer?.cancel()
    const lastCommit = this.#isSuspended ? undefined : this.#commit()
    for (const partition of this.#partitions.values()) this.#lose(partition, reason)
    this.#ready.reject(reason)
    await lastCommit
    await this.#member?.stop()
  }

  #goOn(): void {
    this.#isSuspended = false
    for (const partition of this.#partitions.values())
      if (partition.isReady) this.#member?.seek({ ...partition.source, offset: partition.next })
  }

  #lose(partition: AssignedPartition, reason: CommunicationError): void {
    if (partition.isReady) this.#settledUntil.set(nameOf(partition.source), partition.take())
    this.#parts.lost(partition.lose(reason))
  }

  /** Finds out where to read, and commits that: a group that has begun goes on there, though nothing was published yet. */
  async #begin(added: readonly AssignedPartition[]): Promise<void> {
    const generation = this.#generation
    if (added.length > 0) {
      const positions = await this.#positions(added)
      if (generation !== this.#generation || this.#isOver) return
      for (const { isCommitted, ...committed } of positions) {
        const name = nameOf(committed)
        const settled = this.#settledUntil.get(name)
        const isBehind = settled !== undefined && settled.offset >= committed.offset
        const position = isBehind ? settled : committed
        this.#partitions.get(name)?.begin(position, isCommitted && !isBehind)
        this.#member?.seek(position)
      }
      this.#settledUntil.clear()
      await this.#commit()
      while (!this.#isEphemeral && added.some(({ isDirty }) => isDirty)) {
        // After a rebalance all begins anew.
        if (!(await pause(this.clock, COMMIT_AGAIN_MS)) || generation !== this.#generation || this.#isOver) return
        await this.#commit()
      }
    }
    this.#ready.resolve()
  }

  async #positions(added: readonly AssignedPartition[]): Promise<readonly StartPosition[]> {
    const link = this.#parts.link()
    if (link === undefined) throw ERRORS.notConnected(`consume topic ${this.topic}`)
    return startPositions(
      link,
      this.#parts.start,
      added.map(({ source }) => source),
    )
  }

  get #isEphemeral(): boolean {
    return this.#parts.start.isEphemeral
  }

  #commitSoon(): void {
    if (this.#commitTimer !== undefined || this.#isOver || this.#isEphemeral) return
    this.#commitTimer = this.clock.setTimer(this.#parts.options.consumerConfig.commitIntervalMs, () => {
      this.#commitTimer = undefined
      if (this.#committing === undefined) void this.#commit()
      else this.#commitSoon()
    })
  }

  /** Never rejects: what was not committed is committed with the next, or read again by whom the partition goes to. */
  #commit(): Promise<void> {
    const changed = this.#isEphemeral || this.#isSuspended ? [] : [...this.#partitions.values()].filter(({ isDirty }) => isDirty)
    if (changed.length === 0) return Promise.resolve()
    const committed = this.#member?.commit(changed.map((partition) => partition.take())).catch(() => {
      for (const partition of changed) partition.takeBack()
      this.#commitSoon()
    })
    const committing = Promise.resolve(committed).finally(() => {
      if (this.#committing === committing) this.#committing = undefined
    })
    this.#committing = committing
    return committing
  }

  #partOf(name: string): Part {
    const { parts } = this.#parts.start
    return parts.find((part) => part.name === name) ?? (parts[0] as Part)
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
