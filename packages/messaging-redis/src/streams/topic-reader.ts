import type { Clock } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { laneOf, pause } from '@comm/messaging/adapter'
import { destroyClient, type NodeClient, sendTo } from '@comm/redis-stores/connection'
import { RedisDelivery, type SettleAnswer, type Settlement, type Source } from '../delivery.ts'
import type { ResolvedStreams } from '../options.ts'
import { decodeEntry, type Fields, type RawEntry } from './entry.ts'
import { FetchRoom } from './fetch-room.ts'
import { GroupStream, type StreamOwner } from './group-stream.ts'
import type { TopicKeys } from './keys.ts'
import { OPEN_EPHEMERAL, OPEN_GROUP, RENEW } from './scripts/consume.ts'
import { MOVE_DUE } from './scripts/publish.ts'
import type { Trimmer } from './trimmer.ts'

/** How long a read waits for entries; a stop does not wait for it. */
const BLOCK_MS = '5000'
/** How often it is looked for delayed records that are due, and for the place of the active consumer. */
const POLL_MS = 200
/** … and for stuck entries. */
const CLAIM_MS = 1000
const MOST_MOVED = '100'
/** The stream of a topic that only ephemeral subscribers have asked for outlives them by this. */
const EPHEMERAL_MS = '60000'

export interface ReaderOwner extends StreamOwner {
  readonly clock: Clock
  readonly lost: AbortSignal
  add(delivery: RedisDelivery): void
  /** Another consumer has become the active one. */
  deposed(): void
}

/** What a subscription remembers of a topic from one connection to the next. */
export interface TopicMemory {
  /** The last entry that an ephemeral subscriber has read. */
  cursor: string | undefined
  wasRead: boolean
}

/** Reads one topic over one connection: all its groups' entries, and those of its own group alone. */
export class TopicReader {
  readonly room: FetchRoom
  readonly #keys: TopicKeys
  readonly #request: SubscribeRequest
  readonly #owner: ReaderOwner
  readonly #settings: ResolvedStreams
  readonly #memory: TopicMemory
  readonly #streams: readonly GroupStream[]
  readonly #sources: ReadonlyMap<string, Source>
  #client: NodeClient | undefined
  #clientId = ''
  #isActive = false

  constructor(
    keys: TopicKeys,
    request: SubscribeRequest,
    owner: ReaderOwner,
    settings: ResolvedStreams,
    memory: TopicMemory,
    trimmer: Trimmer,
  ) {
    this.#keys = keys
    this.#request = request
    this.#owner = owner
    this.#settings = settings
    this.#memory = memory
    this.room = new FetchRoom(settings.prefetchCount, settings.prefetchBytes)
    const { group } = request
    const { topic, stream } = keys
    this.#streams =
      group === undefined
        ? []
        : [
            new GroupStream(topic, stream, group, owner, (count) => trimmer.note(stream, count)),
            new GroupStream(topic, keys.only(group), group, owner),
          ]
    this.#sources = new Map(
      group === undefined ? [[stream, ephemeral(topic, owner)]] : this.#streams.map((each) => [each.key, each]),
    )
  }

  /** Resolves when entries published from now on will be read. @throws the client library's errors */
  async open(): Promise<void> {
    const { group, from } = this.#request
    const { link, lost } = this.#owner
    const { stream, topic } = this.#keys
    if (group === undefined) {
      const last = (await OPEN_EPHEMERAL.run(link, [stream], [EPHEMERAL_MS])) as string
      this.#memory.cursor ??= startId(from, last)
    } else await OPEN_GROUP.run(link, [stream, this.#keys.only(group)], [group, startId(from, '$')])
    const client = await link.dedicated(stream)
    if (lost.aborted) return destroyClient(client)
    client.once('terminated', (reason: unknown) => {
      if (client === this.#client) this.#owner.fail(topic, reason)
    })
    this.#client = client
    this.#clientId = String(await client.sendCommand(['CLIENT', 'ID']))
  }

  /** Begins to read, and to keep what was read. */
  begin(): void {
    const fail = (thrown: unknown): void => this.#owner.fail(this.#keys.topic, thrown)
    // A stop breaks the connection that reads.
    this.#read().catch((thrown: unknown) => this.#owner.isStopping || fail(thrown))
    this.#keep().catch(fail)
  }

  /** Reads no more, and gives back what was not handed over. */
  async stop(): Promise<void> {
    const { link } = this.#owner
    const client = this.#client
    this.destroy()
    if (client === undefined) return
    // Whatever the server still does for a connection that is gone, it does before this returns.
    const node = await link.node(this.#keys.stream)
    await node.sendCommand(['CLIENT', 'KILL', 'ID', this.#clientId]).catch(() => undefined)
    await this.#release('stop')
  }

  /** Gives everything back. */
  leave(): Promise<void> {
    return this.#release('leave')
  }

  /** The connection is of no use any more. */
  destroy(): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) destroyClient(client)
    this.room.wake()
  }

  async #release(how: 'stop' | 'leave'): Promise<void> {
    const { group } = this.#request
    if (group !== undefined) await Promise.all(this.#streams.map((stream) => stream.release(how, this.#keys.active(group))))
  }

  async #read(): Promise<void> {
    await this.#recover()
    while (!this.#owner.isStopping) {
      await this.room.wait()
      const client = this.#client
      if (client === undefined) return
      const reply = (await sendTo(client, this.#readCommand(), 'bytes')) as readonly unknown[] | null
      for (let at = 0; reply !== null && at + 1 < reply.length; at += 2) {
        const source = this.#sources.get(String(reply[at])) as Source
        for (const [id, fields] of reply[at + 1] as readonly RawEntry[]) this.#take(source, String(id), fields, 0)
      }
    }
  }

  #readCommand(): readonly string[] {
    const { group } = this.#request
    const count = String(this.room.free)
    if (group === undefined)
      return ['XREAD', 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS', this.#keys.stream, this.#memory.cursor ?? '$']
    const head = ['XREADGROUP', 'GROUP', group, this.#owner.member, 'COUNT', count, 'BLOCK', BLOCK_MS, 'STREAMS']
    return [...head, ...this.#sources.keys(), '>', '>']
  }

  /**
   * What comes before anything new: for an ordered group, once this consumer is the active one, all that is pending; else what this
   * consumer had before its connection was lost, and what others left behind.
   */
  async #recover(): Promise<void> {
    const { ordered, group } = this.#request
    if (group === undefined) return
    if (ordered) while (!this.#owner.isStopping && !(await this.#renew())) await this.#pause(POLL_MS)
    if (ordered || this.#memory.wasRead) await this.#claim(0, ordered ? undefined : this.#owner.member, true)
    else await this.#claim(this.#settings.claimIdleMs, undefined, false)
    this.#memory.wasRead = true
  }

  /** @param all waits for room; else it takes what there is room for, so that one consumer does not take all that a dead one left */
  async #claim(minIdleMs: number, whose: string | undefined, all: boolean): Promise<void> {
    for (const stream of this.#streams) {
      for (let from: string | undefined = '-'; from !== undefined; ) {
        if (all) await this.room.wait()
        if (this.room.free === 0 || this.#owner.isStopping) return
        const { entries, next } = await stream.claim(this.room.free, minIdleMs, from, whose)
        for (const [id, fields, count] of entries) this.#take(stream, String(id), fields, Number(String(count)))
        from = all ? next : undefined
      }
    }
  }

  #take(source: Source, id: string, fields: Fields | null, redeliveries: number): void {
    this.#memory.cursor = id
    // Deleted by somebody; the group forgets it when it is claimed.
    if (fields === null || this.#owner.isStopping) return
    let bytes = 0
    for (const field of fields) bytes += field.byteLength
    this.room.add(bytes)
    const content = decodeEntry(fields)
    const lane = laneOf(this.#request.lanes, source.topic, content.key)
    this.#owner.add(new RedisDelivery(source, id, content, redeliveries, lane, this.#owner.lost))
  }

  /** Until the connection is lost, also after the intake has stopped: handlers may still run. */
  async #keep(): Promise<void> {
    const { clock, lost } = this.#owner
    const { ordered } = this.#request
    const renewMs = this.#settings.claimIdleMs / 3
    let renewAt = clock.now() + renewMs
    let claimAt = clock.now() + CLAIM_MS
    while (await this.#pause(Math.min(POLL_MS, renewMs))) {
      const now = clock.now()
      if (!this.#owner.isStopping && (!ordered || this.#isActive)) await this.#moveDue()
      if (now >= renewAt && (!ordered || this.#isActive)) {
        renewAt = now + renewMs
        if (!(await this.#renew())) return this.#owner.deposed()
      }
      if (now >= claimAt && !ordered && !lost.aborted) {
        claimAt = now + CLAIM_MS
        await this.#claim(this.#settings.claimIdleMs, undefined, false)
      }
    }
  }

  /** @returns false when another consumer is the active one */
  async #renew(): Promise<boolean> {
    const { group, ordered } = this.#request
    const { link, member } = this.#owner
    const { stream, only, active } = this.#keys
    if (group === undefined) {
      await OPEN_EPHEMERAL.run(link, [stream], [EPHEMERAL_MS])
      return true
    }
    const args = [group, member, String(Math.ceil(this.#settings.claimIdleMs))]
    this.#isActive = (await RENEW.run(link, [stream, only(group), ...(ordered ? [active(group)] : [])], args)) === 1
    return this.#isActive
  }

  async #moveDue(): Promise<void> {
    const { stream, delayed, delayedOnly, only } = this.#keys
    const { group } = this.#request
    const own = group === undefined ? [] : [delayedOnly(group), only(group)]
    while ((await MOVE_DUE.run(this.#owner.link, [delayed, stream, ...own], [MOST_MOVED])) === 1)
      if (this.#owner.isStopping) return
  }

  /** @returns false when the connection is lost */
  #pause(ms: number): Promise<boolean> {
    return pause(this.#owner.clock, ms, this.#owner.lost)
  }
}

/** Nobody else is concerned by what a subscriber without a group settles, Redis neither. */
function ephemeral(topic: string, owner: StreamOwner): Source {
  return {
    topic,
    idSuffix: '',
    hasTimes: true,
    settle(delivery: RedisDelivery, how: Settlement): SettleAnswer {
      if (how === 'requeue' && !owner.isStopping) owner.requeued(delivery)
      else owner.settled(delivery)
      return 'settled'
    },
  }
}

/** The id after which reading begins. @param latest where what is new begins */
function startId(from: SubscribeRequest['from'] = 'new', latest: string): string {
  if (from === 'new') return latest
  if (from === 'earliest' || from.timestamp < 1) return latest === '$' ? '0' : '0-0'
  return `${Math.ceil(from.timestamp) - 1}-18446744073709551615`
}
