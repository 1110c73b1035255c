import { type Clock, type CommunicationError, ConnectionError, pause, type Timer, withinLimit } from '@comm/core'
import type { Claims, Connection, IncomingBatch, KafkaMember, MemberEvents, Position, TopicPartition } from '@comm/kafka-driver'
import type { SubscribeRequest } from '@comm/messaging'
import type { ResolvedOptions } from '../options.ts'
import type { Part } from '../topics.ts'
import { AssignedPartition, nameOf, type PartitionOwner } from './assigned-partition.ts'
import type { KafkaDelivery } from './delivery.ts'
import { type Start, type StartPosition, startPositions } from './start-positions.ts'

const AGAIN_MS = 50
/** Longer than Kafka is asked again for what it cannot say yet. */
const FIND_LIMIT_MS = 30_000

export interface MemberParts {
  readonly connection: Connection
  readonly options: ResolvedOptions
  readonly topic: string
  readonly parts: readonly Part[]
  readonly groupId: string
  /** Nobody else is in the group: nothing is committed for it. */
  readonly isEphemeral: boolean
  readonly lanes: SubscribeRequest['lanes']
  readonly from: Start
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
  readonly most: PartitionOwner['most']
  readonly #parts: MemberParts
  readonly #ready = Promise.withResolvers<void>()
  readonly #partitions = new Map<string, AssignedPartition>()
  /** How far partitions were settled here when they were lost: it may not have been committed. */
  readonly #settledUntil = new Map<string, Position>()
  #member: KafkaMember | undefined
  #memberId: string | undefined
  /** Counts assignments. */
  #generation = 0
  /** Nothing may be handed over: the group is about to share its partitions anew. */
  isHolding = true
  #isSuspended = false
  #isStopping = false
  #isOver = false
  #aliveAt = 0
  #commitTimer: Timer | undefined
  #committing: Promise<void> | undefined

  constructor(parts: MemberParts) {
    const { clock, consumerConfig } = parts.options
    this.#parts = parts
    this.topic = parts.topic
    this.lanes = parts.lanes
    this.clock = clock
    this.most = { records: consumerConfig.maxPollRecords, bytes: consumerConfig.prefetchBytes }
    this.#ready.promise.catch(() => undefined)
  }

  /** Milliseconds since the group heard of it. Joining for the first time has a limit of its own. */
  get silentMs(): number {
    return this.#memberId === undefined ? 0 : this.clock.now() - this.#aliveAt
  }

  /** Records in its partitions that could be settled and are not. @throws CommunicationError */
  async lag(): Promise<number> {
    const link = this.#parts.connection.require(`look at topic ${this.topic}`)
    const names = new Set([...this.#partitions.values()].map(({ source }) => source.topic))
    const lagsOf = async (topic: string): Promise<readonly number[]> =>
      (await link.ranges(topic)).map(({ partition, high }) => this.#partitions.get(nameOf({ topic, partition }))?.lag(high) ?? 0)
    const lags = await Promise.all([...names].map(lagsOf))
    return lags.flat().reduce((sum, lag) => sum + lag, 0)
  }

  /** Resolves when it has its partitions, and where to read them is committed. @throws CommunicationError */
  async open(): Promise<void> {
    const { connection, groupId, parts } = this.#parts
    const names = parts.map(({ name }) => name)
    this.#member = await connection.driver.member(groupId, names, this)
    if (!this.#isOver) await Promise.all([this.#member.start(), this.#ready.promise])
  }

  joined(memberId: string, assignment: readonly TopicPartition[]): void {
    this.alive()
    this.#generation++
    // A new name: the group has gone on without us, so that what we had may be with others, if there are any.
    const isKept = memberId === this.#memberId || this.#parts.isEphemeral
    this.#memberId = memberId
    const names = new Set(assignment.map(nameOf))
    const reason = new ConnectionError('another consumer of the group took over')
    for (const [name, partition] of this.#partitions) if (!isKept || !names.has(name)) this.#lose(partition, reason)
    for (const source of assignment) {
      const kept = this.#partitions.get(nameOf(source))
      if (kept?.isReady) this.seek(kept.next)
      else if (kept === undefined) this.#add(source)
    }
    this.isHolding = false
    this.#parts.released()
    this.#begin().catch((error: CommunicationError) => this.failed(error))
  }

  claims(): Claims {
    const owned = [...this.#partitions.values()]
    const busy = owned.filter(({ isBusy }) => isBusy)
    const sourcesOf = (all: readonly AssignedPartition[]): TopicPartition[] => all.map(({ source }) => source)
    return { owned: sourcesOf(owned), busy: sourcesOf(busy), isLeaving: this.#isStopping }
  }

  rebalancing(): void {
    this.isHolding = true
    void this.#commit()
  }

  alive(): void {
    this.#aliveAt = this.clock.now()
    if (!this.#isSuspended) return
    this.#isSuspended = false
    for (const partition of this.#partitions.values()) if (partition.isReady) this.seek(partition.next)
  }

  batch(batch: IncomingBatch): Promise<unknown> | undefined {
    return this.#isSuspended ? undefined : this.#partitions.get(nameOf(batch.source))?.receive(batch)
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

  fetch(source: TopicPartition, isWanted: boolean): void {
    if (this.#isOver) return
    if (isWanted) this.#member?.resume(source)
    else this.#member?.pause(source)
  }

  seek(position: Position): void {
    this.#member?.seek(position)
  }

  begunAnew(partition: AssignedPartition, batch: IncomingBatch): Promise<unknown> | undefined {
    const { source, name } = partition
    this.#lose(partition, new ConnectionError(`topic ${source.topic} was deleted, and made anew`))
    this.#settledUntil.delete(name)
    const again = this.#add(source)
    again.begin({ ...source, offset: batch.from }, false)
    this.#commitSoon()
    return again.receive(batch)
  }

  /** The group has not heard of us for a session: what we had may be with others. It is read again once we know that we are a member. */
  suspend(): void {
    if (this.#isSuspended || this.#isOver) return
    this.#isSuspended = true
    const reason = new ConnectionError(`the group of topic ${this.topic} was out of reach for longer than its session`)
    for (const partition of [...this.#partitions.values()]) {
      this.#lose(partition, reason)
      const again = this.#add(partition.source)
      if (partition.isReady) again.begin(partition.take(), false)
    }
  }

  /** Reads no more; what was handed over can be settled. */
  stopIntake(): void {
    this.#isStopping = true
    for (const { source } of this.#partitions.values()) this.fetch(source, false)
  }

  /** Commits, gives up what is unsettled, and leaves the group. */
  async close(reason: CommunicationError): Promise<void> {
    if (this.#isOver) return
    this.#isOver = true
    this.#commitTimer?.cancel()
    const lastCommit = this.#commit()
    for (const partition of this.#partitions.values()) this.#lose(partition, reason)
    this.#ready.reject(reason)
    await lastCommit
    await this.#member?.stop()
  }

  #add(source: TopicPartition): AssignedPartition {
    const { parts } = this.#parts
    const part = parts.find(({ name }) => name === source.topic) ?? (parts[0] as Part)
    const partition = new AssignedPartition(source, part, this)
    this.#partitions.set(partition.name, partition)
    if (this.#isStopping) this.fetch(source, false)
    return partition
  }

  #lose(partition: AssignedPartition, reason: CommunicationError): void {
    this.#partitions.delete(partition.name)
    if (partition.isReady) this.#settledUntil.set(partition.name, partition.take())
    this.#parts.lost(partition.lose(reason))
  }

  /** Finds out where to read, and commits that: a group that has begun goes on there, though nothing was published yet. */
  async #begin(): Promise<void> {
    const { connection, groupId, isEphemeral, parts, from } = this.#parts
    const generation = this.#generation
    const isOver = (): boolean => generation !== this.#generation || this.#isOver
    const added = [...this.#partitions.values()].filter(({ isReady }) => !isReady)
    const sources = added.map(({ source }) => source)
    const begins = (topic: string): Start => (parts.some(({ name, isOwn }) => name === topic && isOwn) ? 'earliest' : from)
    const find = (): Promise<readonly StartPosition[]> =>
      startPositions(connection.require(`consume topic ${this.topic}`), isEphemeral ? undefined : groupId, sources, begins)
    let positions: readonly StartPosition[] | undefined
    while (positions === undefined) {
      positions = await withinLimit(this.clock, FIND_LIMIT_MS, find()).catch((error: CommunicationError) => {
        if (!error.retryable) throw error
        return undefined
      })
      // Without an answer it is asked for again; after a rebalance all begins anew.
      if (positions === undefined) await pause(this.clock, AGAIN_MS)
      if (isOver()) return
    }
    for (const { isCommitted, ...committed } of positions) {
      const settled = this.#settledUntil.get(nameOf(committed))
      const isBehind = settled !== undefined && settled.offset >= committed.offset
      const position = isBehind ? settled : committed
      this.#partitions.get(nameOf(committed))?.begin(position, isCommitted && !isBehind)
      this.seek(position)
    }
    this.#settledUntil.clear()
    await this.#commit()
    while (!isEphemeral && added.some(({ isDirty }) => isDirty)) {
      await pause(this.clock, AGAIN_MS)
      if (isOver()) return
      await this.#commit()
    }
    this.#ready.resolve()
  }

  #commitSoon(): void {
    if (this.#commitTimer !== undefined || this.#isOver || this.#parts.isEphemeral) return
    this.#commitTimer = this.clock.setTimer(this.#parts.options.consumerConfig.commitIntervalMs, () => {
      this.#commitTimer = undefined
      if (this.#committing === undefined) void this.#commit()
      else this.#commitSoon()
    })
  }

  /** Never rejects: what was not committed is committed with the next, or read again by whom the partition goes to. */
  #commit(): Promise<void> {
    const isIdle = this.#parts.isEphemeral || this.#isSuspended
    const changed = isIdle ? [] : [...this.#partitions.values()].filter(({ isDirty }) => isDirty)
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
}
