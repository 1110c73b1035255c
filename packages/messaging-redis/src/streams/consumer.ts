import { randomBytes } from 'node:crypto'
import type { CommunicationError } from '@comm/core'
import { withinLimit } from '@comm/messaging/adapter'
import type { RedisLink } from '@comm/redis-stores/connection'
import type { MakeConsumer } from '../adapter.ts'
import { type Consumption, RedisConsumer } from '../consumer.ts'
import type { ResolvedStreams } from '../options.ts'
import { type TopicMemory, TopicReader } from './topic-reader.ts'

/** What is left to do at a disposal may take this long, where the server does not answer. */
const LEAVE_LIMIT_MS = 2000

/** @returns what makes a consumer for each connection of a subscription: one after the other they are the same member of its group */
export function streamConsumers(consumption: Consumption, options: ResolvedStreams): MakeConsumer {
  const member = `${options.clientId ?? 'comm'}-${randomBytes(8).toString('hex')}`
  const topics = new Set(consumption.request.topics)
  const memories = [...topics].map((topic): TopicMemory => ({ topic, member, cursor: undefined, wasRead: false }))
  return (link, onLost) => new StreamConsumer(consumption, options, memories, link, onLost)
}

/** A member of a group, or a subscriber of its own. */
class StreamConsumer extends RedisConsumer {
  readonly #readers: readonly TopicReader[]

  constructor(
    consumption: Consumption,
    options: ResolvedStreams,
    memories: readonly TopicMemory[],
    link: RedisLink,
    onLost: (reason: CommunicationError) => void,
  ) {
    super(consumption, link, onLost)
    this.#readers = memories.map((memory) => new TopicReader(this, options, memory))
  }

  protected async begin(): Promise<void> {
    await this.#each((reader) => reader.open())
    for (const reader of this.#readers) reader.begin()
  }

  protected end(): void {
    for (const reader of this.#readers) reader.end()
  }

  override async stopIntake(): Promise<void> {
    const giving = this.#each((reader) => reader.stop())
    await super.stopIntake()
    await this.#atMost(giving)
  }

  override async close(reason: CommunicationError): Promise<void> {
    await this.stopIntake()
    await this.#atMost(this.#each((reader) => reader.release('all')))
    this.lose(reason)
  }

  async #each(work: (reader: TopicReader) => Promise<void>): Promise<void> {
    await Promise.all(this.#readers.map(work))
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
