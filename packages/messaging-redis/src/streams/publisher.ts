import { randomBytes } from 'node:crypto'
import { ConnectionError, PublishError } from '@comm/core'
import type { OutboundRecord, PublishResult } from '@comm/messaging'
import {
  type Argument,
  hadNoEffect,
  type RedisConnection,
  type RedisLink,
  redisError,
  replyAsError,
} from '@comm/redis-stores/connection'
import { abortedError, impossible, publishError, refused, unroutable } from '../errors.ts'
import type { ResolvedStreams } from '../options.ts'
import { unlessAborted } from '../unless-aborted.ts'
import { encodeEntry } from './entry.ts'
import { TopicKeys } from './keys.ts'
import { PUBLISH } from './scripts/publish.ts'
import type { Trimmer } from './trimmer.ts'

/** One command carries no more than this, about: the server reads it whole before it does anything. */
const COMMAND_BYTES = 8 * 1024 * 1024
const STORED: PublishResult = Object.freeze({ ok: true })

/** Sends the records of a topic in one script call, which stores them in order. */
export class StreamPublisher {
  readonly #connection: RedisConnection
  readonly #options: ResolvedStreams
  readonly #trimmer: Trimmer
  /** Makes equal delayed records differ. */
  readonly #unique = randomBytes(6).toString('base64url')
  #uniques = 0

  constructor(connection: RedisConnection, options: ResolvedStreams, trimmer: Trimmer) {
    this.#connection = connection
    this.#options = options
    this.#trimmer = trimmer
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { link } = this.#connection
    if (signal.aborted || link === undefined) {
      const error = signal.aborted ? abortedError('publishing to Redis', signal) : this.#connection.notConnected('publish')
      return records.map(() => refused(error))
    }
    const results = new Array<PublishResult | undefined>(records.length)
    const byTopic = new Map<string, number[]>()
    for (const [index, record] of records.entries()) {
      results[index] = impossible(record, this.#options.maxBodyBytes)
      if (results[index] !== undefined) continue
      const indexes = byTopic.get(record.topic)
      if (indexes === undefined) byTopic.set(record.topic, [index])
      else indexes.push(index)
    }
    const sending = [...byTopic].map(([topic, indexes]) => this.#sendTopic(link, topic, indexes, records, results))
    if (!this.#options.confirmDelivery) return Array.from(results, (result) => result ?? STORED)
    await unlessAborted(Promise.all(sending), signal)
    const unknown = (): PublishResult => refused(abortedError('publishing to Redis', signal), 'unknown')
    return Array.from(results, (result) => result ?? unknown())
  }

  /** One command after the other, so that nothing overtakes what was refused. Never rejects. */
  async #sendTopic(
    link: RedisLink,
    topic: string,
    indexes: readonly number[],
    records: readonly OutboundRecord[],
    results: (PublishResult | undefined)[],
  ): Promise<void> {
    const keys = new TopicKeys(this.#options.keyPrefix, topic)
    let next = 0
    while (next < indexes.length) {
      const command = new Command(keys, this.#connection.options.clock.wall(), () => `${this.#unique}:${++this.#uniques}`)
      const from = next
      while (next < indexes.length && command.bytes < COMMAND_BYTES)
        command.add(records[indexes[next++] as number] as OutboundRecord)
      const answers = await this.#send(link, topic, command)
      let isOver = false
      for (let at = from; at < next; at++) {
        const answer = answers(at - from)
        results[indexes[at] as number] = answer
        if (!answer.ok && answer.error.retryable) isOver = true
      }
      if (isOver) {
        const error = new PublishError(`a record for topic ${topic} was not sent, because one before it was refused`)
        for (const index of indexes.slice(next)) results[index] = refused(error)
        return
      }
    }
  }

  async #send(link: RedisLink, topic: string, command: Command): Promise<(at: number) => PublishResult> {
    let reply: readonly (number | string)[]
    try {
      reply = (await PUBLISH.run(link, command.keys, command.args)) as typeof reply
    } catch (thrown) {
      const stored = hadNoEffect(thrown) ? 'no' : 'unknown'
      const failure = redisError(thrown, `publish to topic ${topic}`)
      // A replica that was a master before, or a server that loads: another connection finds the one that serves.
      if (failure instanceof ConnectionError && failure.details['reply'] === 'READONLY') this.#connection.giveUp(link, thrown)
      const result = refused(publishError(topic, failure, stored), stored)
      return () => result
    }
    if (command.ignored > 0) this.#trimmer.note(topic, command.ignored)
    return (at) => {
      const answer = reply[at]
      if (answer === 1) return STORED
      if (answer === 0) return unroutable(topic)
      if (answer === undefined) {
        return refused(new PublishError(`a record for topic ${topic} was not stored, because one before it was refused`))
      }
      return refused(publishError(topic, replyAsError(String(answer), `publish to topic ${topic}`), 'no'))
    }
  }
}

/** The arguments of one script call. */
class Command {
  readonly keys: [string, ...string[]]
  readonly args: Argument[] = []
  bytes = 0
  /** Records that nobody may take, and that no acknowledgement will therefore count. */
  ignored = 0
  readonly #topic: TopicKeys
  readonly #now: number
  readonly #newUnique: () => string
  readonly #groups = new Map<string, string>()

  constructor(topic: TopicKeys, now: number, newUnique: () => string) {
    this.#topic = topic
    this.#now = now
    this.#newUnique = newUnique
    this.keys = [topic.stream, topic.delayed]
  }

  add(record: OutboundRecord): void {
    const { group, notBefore, unroutable: fate = 'error' } = record
    const isLater = notBefore !== undefined && notBefore > this.#now
    const [body, headers, key] = encodeEntry(record)
    this.bytes += record.body.byteLength + headers.length
    if (group !== undefined) this.args.push(isLater ? 'G' : 'g', body, headers, key, group, this.#keyOf(group))
    else if (fate === 'error') this.args.push(isLater ? 'd' : 'e', body, headers, key)
    else {
      this.ignored++
      this.args.push(isLater ? 'l' : 'i', body, headers, key)
    }
    if (isLater) this.args.push(String(notBefore), this.#newUnique())
  }

  /** The place in `keys` of the group's own stream, counted from 1. */
  #keyOf(group: string): string {
    let place = this.#groups.get(group)
    if (place === undefined) {
      this.keys.push(this.#topic.only(group), this.#topic.delayedOnly(group))
      place = String(this.keys.length - 1)
      this.#groups.set(group, place)
    }
    return place
  }
}
