import { ConnectionError, pause } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { FetchRoom } from '@comm/messaging/adapter'
import { isGone, OwnConnection, redisError, sendTo } from '@comm/redis-stores/connection'
import type { RedisConsumer } from '../consumer.ts'
import { errors } from '../errors.ts'
import type { ResolvedStreams } from '../options.ts'
import { TopicSource } from '../topic-source.ts'
import { decodeEntry, type Fields, type RawEntry } from './entry.ts'
import { GroupStream } from './group-stream.ts'
import { type TopicKeys, topicKeys } from './keys.ts'
import { OPEN_EPHEMERAL, OPEN_GROUP, RENEW } from './scripts/consume.ts'
import { MOVE_DUE, TRIM } from './scripts/publish.ts'

/** How long a read waits for entries; a stop does not wait for it. */
const BLOCK_MS = '5000'
/** How often it is looked for delayed records that are due, and for the place of the active consumer. */
const POLL_MS = 200
/** … and for stuck entries, and for what nobody needs any more. */
const TIDY_MS = 1000
/** A connection that takes longer to answer what needs no time is dead, though nobody has said so. */
const ANSWER_LIMIT_MS = 10_000
const MOST_MOVED = '100'
/** The stream of a topic that only ephemeral subscribers have asked for outlives them by this. */
const EPHEMERAL_MS = '60000'

/** A topic as a subscription remembers it from one connection to the next. */
export interface TopicMemory {
  readonly topic: string
  /** The name of all its consumers in their group. */
  readonly member: string
  /** The last entry that an ephemeral subscriber has read. */
  cursor: string | undefined
  wasRead: boolean
}

/** Reads one topic over one connection: what every group gets, and what is for its own alone. */
export class TopicReader {
  readonly #consumer: RedisConsumer
  readonly #settings: ResolvedStreams
  readonly #memory: TopicMemory
  readonly #keys: TopicKeys
  readonly #room: FetchRoom
  /** None without a group, else the stream that all groups share and the group's own. */
  readonly #streams: readonly GroupStream[]
  readonly #sources: Map<string, TopicSource>
  #own: OwnConnection | undefined
  #isActive = false

  constructor(consumer: RedisConsumer, settings: ResolvedStreams, memory: TopicMemory) {
    this.#consumer = consumer
    this.#settings = settings
    this.#memory = memory
    this.#keys = topicKeys(settings.keyPrefix, memory.topic)
    this.#room = new FetchRoom(settings)
    const { group } = consumer.request
    const parts = {
      consumer,
      keys: this.#keys,
      group: group ?? '',
      member: memory.member,
      room: this.#room,
      onFailure: this.#fail,
    }
    this.#streams = group === undefined ? [] : [new GroupStream(parts, false), new GroupStream(parts, true)]
    this.#sources = new Map<string, TopicSource>(this.#streams.map((stream) => [stream.key, stream]))
    if (group === undefined) this.#sources.set(this.#keys.stream, new TopicSource(consumer, memory.topic, this.#room))
  }

  /** Resolves when entries published from now on will be read. @throws the client library's errors */
  async open(): Promise<void> {
    const { link, request } = this.#consumer
    const { stream } = this.#keys
    if (request.group === undefined) {
      const last = (await OPEN_EPHEMERAL.run(link, [stream], [EPHEMERAL_MS])) as string
      this.#memory.cursor ??= startId(request.from, last)
    } else {
      await OPEN_GROUP.run(link, [...this.#sources.keys()] as [string], [request.group, startId(request.from, '$')])
    }
    this.#own = await OwnConnection.open(link, stream, this.#fail)
    // Another topic could not be opened, or nobody waits any more.
    if (this.#consumer.isStopping) this.end()
  }

  /** Begins to read, and to keep what was read. */
  begin(): void {
    // A stop breaks the connection that reads.
    this.#read().catch((thrown: unknown) => this.#consumer.isStopping || this.#fail(thrown))
    this.#keep().catch(this.#fail)
  }

  /** Reads no more, and gives back what was not handed over. */
  async stop(): Promise<void> {
    await this.#own?.kill()
    await this.release('fetched')
  }

  async release(what: 'fetched' | 'all'): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.release(what)))
  }

  end(): void {
    this.#own?.destroy()
    this.#room.wake()
  }

  readonly #fail = (thrown: unknown): void => {
    const gone = isGone(thrown) ? errors.gone(`topic ${this.#keys.topic} or its group`, thrown) : undefined
    this.#consumer.giveUp(gone ?? redisError(thrown, `go on with the subscription to ${this.#keys.topic}`))
  }

  async #read(): Promise<void> {
    await this.#recover()
    for (;;) {
      await this.#room.wait()
      if (this.#consumer.isStopping || this.#own === undefined) return
      // What has been acknowledged meanwhile goes out with the next read.
      for (const stream of this.#streams) stream.flush(this.#own.client)
      const reply = (await sendTo(this.#own.client, this.#readCommand(), 'bytes')) as readonly unknown[] | null
      for (let at = 0; reply !== null && at + 1 < reply.length; at += 2) {
        const source = this.#sources.get(String(reply[at])) as TopicSource
        for (const [id, fields] of reply[at + 1] as readonly RawEntry[]) this.#take(source, String(id), fields, 0)
      }
    }
  }

  #readCommand(): readonly string[] {
    const { group } = this.#consumer.request
    const { member, cursor } = this.#memory
    const rest = ['COUNT', String(this.#room.free), 'BLOCK', BLOCK_MS, 'STREAMS', ...this.#sources.keys()]
    return group === undefined ? ['XREAD', ...rest, cursor ?? '$'] : ['XREADGROUP', 'GROUP', group, member, ...rest, '>', '>']
  }

  /**
   * What comes before anything new: for an ordered group, once this consumer is the active one, all that is pending; else what this
   * consumer had before its connection was lost, and what others left behind.
   */
  async #recover(): Promise<void> {
    const { ordered, group } = this.#consumer.request
    if (ordered && group !== undefined) while (!this.#consumer.isStopping && !(await this.#renew())) await this.#pause(POLL_MS)
    if (ordered) await this.#claim(0, undefined, true)
    else if (this.#memory.wasRead) await this.#claim(0, this.#memory.member, true)
    else await this.#claim(this.#settings.claimIdleMs, undefined, false)
    this.#memory.wasRead = true
  }

  /** @param all waits for room; else it takes what there is room for, so that one consumer does not take all that a dead one left */
  async #claim(minIdleMs: number, whose: string | undefined, all: boolean): Promise<void> {
    for (const stream of this.#streams) {
      for (let from: string | undefined = '-'; from !== undefined; ) {
        if (all) await this.#room.wait()
        if (this.#room.free === 0 || this.#consumer.isStopping) return
        const [last, ...entries] = await stream.claim(this.#room.free, minIdleMs, from, whose)
        for (const [id, fields, count] of entries) this.#take(stream, String(id), fields, Number(String(count)))
        from = all && last.byteLength > 0 ? `(${last}` : undefined
      }
    }
  }

  #take(source: TopicSource, id: string, fields: Fields | null, redeliveries: number): void {
    this.#memory.cursor = id
    // Deleted by somebody; the group forgets it when it is claimed.
    if (fields === null) return
    let bytes = 0
    for (const field of fields) bytes += field.byteLength
    this.#room.add(bytes)
    // Ids begin with the time, unless their publisher chose others.
    this.#consumer.offer(source.deliveryOf(id, decodeEntry(fields), id, redeliveries))
  }

  /** Until the connection is lost, also after the intake has stopped: handlers may still run. */
  async #keep(): Promise<void> {
    const { clock, request } = this.#consumer
    const { claimIdleMs, retainedRecords } = this.#settings
    let renewAt = clock.now() + claimIdleMs / 3
    let tidyAt = clock.now() + TIDY_MS
    while (await this.#pause(Math.min(POLL_MS, claimIdleMs / 3))) {
      const isDead = this.#streams.some(({ overdueMs }) => overdueMs > ANSWER_LIMIT_MS)
      if (isDead) return this.#fail(new ConnectionError(`the connection that reads ${this.#keys.topic} answers no more`))
      if (request.ordered && request.group !== undefined && !this.#isActive) continue
      if (!this.#consumer.isStopping) await this.#moveDue()
      const now = clock.now()
      if (now >= renewAt) {
        renewAt = now + claimIdleMs / 3
        const deposed = `another consumer of group ${request.group} became the active one`
        if (!(await this.#renew())) return this.#consumer.giveUp(new ConnectionError(deposed))
      }
      if (now >= tidyAt) {
        tidyAt = now + TIDY_MS
        if (!request.ordered) await this.#claim(claimIdleMs, undefined, false)
        await TRIM.run(this.#consumer.link, [this.#keys.stream], [String(retainedRecords)])
      }
    }
  }

  /** @returns false when another consumer is the active one */
  async #renew(): Promise<boolean> {
    const { link, request } = this.#consumer
    const { stream, only, active } = this.#keys
    const { group, ordered } = request
    if (group === undefined) return OPEN_EPHEMERAL.run(link, [stream], [EPHEMERAL_MS]).then(() => true)
    const args = [group, this.#memory.member, String(Math.ceil(this.#settings.claimIdleMs))]
    this.#isActive = (await RENEW.run(link, [stream, only(group), ...(ordered ? [active(group)] : [])], args)) === 1
    return this.#isActive
  }

  async #moveDue(): Promise<void> {
    const { stream, delayed, delayedOnly, only } = this.#keys
    const { link, request } = this.#consumer
    const own = request.group === undefined ? [] : [delayedOnly(request.group), only(request.group)]
    while ((await MOVE_DUE.run(link, [delayed, stream, ...own], [MOST_MOVED])) === 1) if (this.#consumer.isStopping) return
  }

  /** @returns false when the connection is lost */
  #pause(ms: number): Promise<boolean> {
    return pause(this.#consumer.clock, ms, this.#consumer.lost)
  }
}

/** The id after which reading begins. @param latest where what is new begins */
function startId(from: SubscribeRequest['from'] = 'new', latest: string): string {
  if (from === 'new') return latest
  if (from === 'earliest' || from.timestamp < 1) return latest === '$' ? '0' : '0-0'
  return `${Math.ceil(from.timestamp) - 1}-18446744073709551615`
}
