import { randomBytes } from 'node:crypto'
import { type CommunicationError, withinLimit } from '@comm/core'
import { type Consume, RedisConsumer, type RedisConsumerParts } from '../consumer.ts'
import type { ResolvedStreams } from '../options.ts'
import { type TopicMemory, TopicReader } from './topic-reader.ts'

/** What is left to do at a disposal may take this long, where the server does not answer. */
const LEAVE_LIMIT_MS = 2000

/** The consumers of a subscription are, one after the other, the same member of its group. */
export function streamConsumers(options: ResolvedStreams): Consume {
  return ({ topics }) => {
    const member = `${options.clientId ?? 'comm'}-${randomBytes(8).toString('hex')}`
    const memories = [...new Set(topics)].map((topic): TopicMemory => ({ topic, member, cursor: undefined, wasRead: false }))
    return (parts) => new StreamConsumer(parts, options, memories)
  }
}

/** A member of a group, or a subscriber of its own. */
class StreamConsumer extends RedisConsumer {
  readonly #readers: readonly TopicReader[]

  constructor(parts: RedisConsumerParts, options: ResolvedStreams, memories: readonly TopicMemory[]) {
    super(parts)
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
    const ended = work.catch(() => undefined)
    await withinLimit(this.clock, LEAVE_LIMIT_MS, ended)
  }
}
