import { type Clock, sleep } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { destroyClient, type NodeClient, type RedisLink, sendTo } from '@comm/redis-stores/connection'
import { type EntrySource, StreamDelivery } from './delivery.ts'
import { decodeEntry } from './entry.ts'
import { EphemeralStream } from './ephemeral-stream.ts'
import { FetchRoom } from './fetch-room.ts'
import { GroupStream, type RawEntry, type StreamOwner } from './group-stream.ts'
import type { TopicKeys } from './keys.ts'
import { ACTIVATE, DEACTIVATE, OPEN_EPHEMERAL, OPEN_GROUP } from './scripts/consume.ts'
import { MOVE_DUE } from './scripts/publish.ts'

/** How long a read waits for entries; a stop does not wait for it. */
const BLOCK_MS = 5000
/** How often it is looked for delayed records that are due, and for the place of the active consumer. */
const POLL_MS = 200
/** … and for stuck entries. */
const CLAIM_MS = 1000
const UNBLOCK_AGAIN_MS = 50
const MOST_MOVED = 100
/** The stream of a topic that only ephemeral subscribers have asked for outlives them by this. */
const EPHEMERAL_MS = 60_000

export interface IntakeOwner extends StreamOwner {
  add(delivery: StreamDelivery): void
  /** Another consumer has become the active one. */
  deposed(): void
}

export interface IntakeSettings {
  readonly prefetchCount: number
  readonly prefetchBytes: number
  readonly claimIdleMs: number
  readonly clock: Clock
}

/** Reads one topic for a subscription over one connection after the other. */
export class TopicIntake {
  readonly keys: TopicKeys
  readonly room: FetchRoom
  readonly streams: readonly GroupStream[]
  readonly #ephemeral: EphemeralStream | undefined
  readonly #request: SubscribeRequest
  readonly #owner: IntakeOwner
  readonly #settings: IntakeSettings
  /** The last entry that an ephemeral subscriber has read. */
  #cursor: string | undefined
  #link: RedisLink | undefined
  #reader: NodeClient | undefined
  #readerId = ''
  #lost: AbortSignal = AbortSignal.abort()
  #reading = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #isActive = false
  #wasOpen = false

  constructor(keys: TopicKeys, request: SubscribeRequest, owner: IntakeOwner, settings: IntakeSettings) {
    this.keys = keys
    this.#request = request
    this.#owner = owner
    this.#settings = settings
    this.room = new FetchRoom(settings.prefetchCount, settings.prefetchBytes)
    const { topic, stream } = keys
    const { group } = request
    this.streams =
      group === undefined
        ? []
        : [new GroupStream(topic, stream, group, false, owner), new GroupStream(topic, keys.only(group), group, true, owner)]
    this.#ephemeral = group === undefined ? new EphemeralStream(topic, owner) : undefined
  }

  /** Resolves when entries published from now on will be read. @throws the client library's errors */
  async open(link: RedisLink, lost: AbortSignal): Promise<void> {
    const { group } = this.#request
    const { stream } = this.keys
    if (group === undefined) {
      const last = (await OPEN_EPHEMERAL.run(link, [stream], [String(EPHEMERAL_MS)])) as string
      this.#cursor ??= startId(this.#request.from, last)
    } else {
      await OPEN_GROUP.run(link, [stream, this.keys.only(group)], [group, startId(this.#request.from, '$')])
    }
    const reader = await link.dedicated(stream)
    if (lost.aborted) return destroyClient(reader)
    reader.once('terminated', (reason: unknown) => {
      if (!lost.aborted && reader === this.#reader) this.#owner.failed(this.keys.topic, reason)
    })
    this.#reader = reader
    this.#readerId = String(await reader.sendCommand(['CLIENT', 'ID']))
    this.#link = link
    this.#lost = lost
    this.#reading = new AbortController()
  }

  /** Begins to read, and to keep what was read. */
  begin(): void {
    this.#loop = this.#guard(() => this.#read())
    void this.#guard(() => this.#keep())
  }

  /** Resolves when no more entries will come. */
  async stop(): Promise<void> {
    this.#reading.abort()
    let isOver = false
    const over = this.#loop.then(() => {
      isOver = true
    })
    while (!isOver && !this.#lost.aborted) {
      const node = await this.#link?.node(this.keys.stream)
      await node?.sendCommand(['CLIENT', 'UNBLOCK', this.#readerId]).catch(() => undefined)
      await Promise.race([
        over,
        sleep(UNBLOCK_AGAIN_MS, { clock: this.#settings.clock, signal: this.#lost }).catch(() => undefined),
      ])
    }
    this.#destroyReader()
  }

  /** The connection is gone. */
  abandon(): void {
    this.#reading.abort()
    this.#destroyReader()
    this.room.clear()
    this.#isActive = false
    this.#link = undefined
  }

  /** Lets the next consumer of an ordered group become active. */
  async deactivate(link: RedisLink): Promise<void> {
    const { group, ordered } = this.#request
    if (ordered && group !== undefined) await DEACTIVATE.run(link, [this.keys.active(group)], [this.#owner.consumer])
  }

  #destroyReader(): void {
    if (this.#reader !== undefined) destroyClient(this.#reader)
    this.#reader = undefined
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    const lost = this.#lost
    try {
      await work()
    } catch (thrown) {
      if (!lost.aborted) this.#owner.failed(this.keys.topic, thrown)
    }
  }

  async #read(): Promise<void> {
    const reading = this.#reading.signal
    const { group } = this.#request
    if (group !== undefined) await this.#recover(group, reading)
    while (!reading.aborted) {
      await this.room.wait(reading)
      if (reading.aborted) return
      if (group === undefined) await this.#readEphemeral()
      else await this.#readGroup(group)
    }
  }

  /**
   * What comes before anything new: for an ordered group, once this consumer is the active one, all that is pending; else what this
   * consumer had before its connection was lost, and what others left behind.
   */
  async #recover(group: string, reading: AbortSignal): Promise<void> {
    if (this.#request.ordered) {
      while (!reading.aborted && !(await this.#activate(group))) await this.#pause(POLL_MS, reading)
      for (const stream of this.streams) await this.#claimAll(stream, reading, undefined)
    } else if (this.#wasOpen) {
      for (const stream of this.streams) await this.#claimAll(stream, reading, this.#owner.consumer)
    } else {
      for (const stream of this.streams) await stream.forgetConsumers()
      await this.#claimStuck()
    }
    this.#wasOpen = true
  }

  async #activate(group: string): Promise<boolean> {
    const args = [this.#owner.consumer, String(Math.ceil(this.#settings.claimIdleMs))]
    this.#isActive = this.#link !== undefined && (await ACTIVATE.run(this.#link, [this.keys.active(group)], args)) === 1
    return this.#isActive
  }

  async #claimAll(stream: GroupStream, reading: AbortSignal, whose: string | undefined): Promise<void> {
    for (let from: string | undefined = '-'; from !== undefined && !reading.aborted; ) {
      await this.room.wait(reading)
      if (reading.aborted) return
      const { entries, next } = await stream.claim(this.room.free, 0, from, whose)
      for (const [id, deliveries, fields] of entries) this.#take(stream, id, fields, Number(String(deliveries)))
      from = next
    }
  }

  /** At most as many as there is room for, so that one consumer does not take all that a dead one left. */
  async #claimStuck(): Promise<void> {
    for (const stream of this.streams) {
      const { free } = this.room
      if (free === 0) return
      const { entries } = await stream.claim(free, Math.ceil(this.#settings.claimIdleMs), '-')
      for (const [id, deliveries, fields] of entries) this.#take(stream, id, fields, Number(String(deliveries)))
    }
  }

  async #readGroup(group: string): Promise<void> {
    const [shared, own] = this.streams as readonly [GroupStream, GroupStream]
    const count = String(this.room.free)
    const head = ['XREADGROUP', 'GROUP', group, this.#owner.consumer, 'COUNT', count, 'BLOCK', String(BLOCK_MS)]
    const reply = await this.#blockingRead([...head, 'STREAMS', shared.key, own.key, '>', '>'])
    for (let at = 0; at + 1 < reply.length; at += 2) {
      const stream = String(reply[at]) === own.key ? own : shared
      for (const [id, fields] of reply[at + 1] as readonly RawEntry[]) this.#take(stream, id, fields, 0)
    }
  }

  async #readEphemeral(): Promise<void> {
    const count = String(this.room.free)
    const args = ['XREAD', 'COUNT', count, 'BLOCK', String(BLOCK_MS), 'STREAMS', this.keys.stream, this.#cursor ?? '$']
    for (const [id, fields] of ((await this.#blockingRead(args))[1] ?? []) as readonly RawEntry[]) {
      this.#cursor = String(id)
      this.#take(this.#ephemeral as EntrySource, id, fields, 0)
    }
  }

  /** Stream names and their entries in turn. */
  async #blockingRead(args: readonly string[]): Promise<readonly unknown[]> {
    if (this.#reader === undefined) return []
    return ((await sendTo(this.#reader, args, 'bytes')) as readonly unknown[] | null) ?? []
  }

  #take(stream: EntrySource, id: Buffer, fields: readonly Buffer[] | null, redeliveries: number): void {
    // Deleted by somebody; the group forgets it when it is claimed.
    if (fields === null || this.#lost.aborted) return
    let bytes = 0
    for (const field of fields) bytes += field.byteLength
    this.room.add(bytes)
    const { lanes } = this.#request
    this.#owner.add(new StreamDelivery(stream, String(id), decodeEntry(fields), redeliveries, lanes, this.#lost))
  }

  /** Until the connection is lost, also after the intake has stopped: handlers may still run. */
  async #keep(): Promise<void> {
    const lost = this.#lost
    const { clock, claimIdleMs } = this.#settings
    let renewAt = clock.now() + claimIdleMs / 3
    let claimAt = clock.now() + CLAIM_MS
    while (!lost.aborted) {
      await this.#pause(Math.min(POLL_MS, claimIdleMs / 3), lost)
      if (lost.aborted) return
      const now = clock.now()
      const isIdle = this.#request.ordered === true && this.#request.group !== undefined && !this.#isActive
      if (this.#owner.takesIn && !isIdle) await this.#moveDue()
      if (now >= renewAt) {
        renewAt = now + claimIdleMs / 3
        await this.#renew()
      }
      if (now >= claimAt && this.#owner.takesIn && !this.#request.ordered) {
        claimAt = now + CLAIM_MS
        await this.#claimStuck()
      }
    }
  }

  async #renew(): Promise<void> {
    const { group, ordered } = this.#request
    if (this.#link === undefined) return
    if (group === undefined) await OPEN_EPHEMERAL.run(this.#link, [this.keys.stream], [String(EPHEMERAL_MS)])
    else if (ordered && this.#isActive && !(await this.#activate(group))) return this.#owner.deposed()
    for (const stream of this.streams) await stream.renew()
  }

  async #moveDue(): Promise<void> {
    const { stream, delayed } = this.keys
    const { group } = this.#request
    const own = group === undefined ? [] : [this.keys.delayedOnly(group), this.keys.only(group)]
    while (this.#link !== undefined) {
      if ((await MOVE_DUE.run(this.#link, [delayed, stream, ...own], [String(MOST_MOVED)])) === 0) return
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, { clock: this.#settings.clock, signal }).catch(() => undefined)
  }
}

/** The id after which reading begins. @param latest where what is new begins */
function startId(from: SubscribeRequest['from'] = 'new', latest: string): string {
  if (from === 'new') return latest
  if (from === 'earliest' || from.timestamp < 1) return latest === '$' ? '0' : '0-0'
  return `${Math.ceil(from.timestamp) - 1}-18446744073709551615`
}
