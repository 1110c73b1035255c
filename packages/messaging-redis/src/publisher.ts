import { ConnectionError, PublishError } from '@comm/core'
import type { BrokerFeatures, OutboundRecord, PublishResult } from '@comm/messaging'
import { allRefused, maybeStored, PublishAnswers, refused, STORED } from '@comm/messaging/adapter'
import {
  type Argument,
  hadNoEffect,
  type RedisConnection,
  type RedisLink,
  type RedisScript,
  redisError,
  replyAsError,
} from '@comm/redis-stores/connection'
import { errors, impossible, notStored } from './errors.ts'

/** One command carries no more than this, about: the server reads it whole before it does anything. */
const COMMAND_BYTES = 8 * 1024 * 1024

/** How records are sent. */
export interface Dispatch {
  /** Answers for each record, up to the first failure that may pass: how many took it, or an error's text. */
  readonly script: RedisScript
  /** Why nobody takes a topic. */
  readonly nobody: string
  /** Records of one place go together, in order. */
  place(record: OutboundRecord): string
  command(records: readonly OutboundRecord[]): {
    readonly keys: readonly [string, ...string[]]
    readonly args: readonly Argument[]
  }
  /** Hears of what was sent and answered. */
  onSent?(records: readonly OutboundRecord[]): void
}

/** Sends what goes to one place in one script call. */
export class Publisher {
  readonly #connection: RedisConnection
  readonly #features: BrokerFeatures
  readonly #confirms: boolean
  readonly #dispatch: Dispatch

  /** @param confirms answers wait for the server's */
  constructor(connection: RedisConnection, features: BrokerFeatures, confirms: boolean, dispatch: Dispatch) {
    this.#connection = connection
    this.#features = features
    this.#confirms = confirms
    this.#dispatch = dispatch
  }

  async publish(records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const { link } = this.#connection
    const aborted = (by: AbortSignal): PublishResult => maybeStored(errors.aborted('publishing to', by))
    if (signal.aborted) return allRefused(records, errors.aborted('publishing to', signal))
    if (link === undefined) return allRefused(records, this.#connection.notConnected('publish'))
    const answers = new PublishAnswers(records.length, signal, aborted)
    const places = new Map<string, number[]>()
    for (const [index, record] of records.entries()) {
      const error = impossible(record, this.#features)
      if (error !== undefined) {
        answers.answer(index, refused(error))
        continue
      }
      const place = this.#dispatch.place(record)
      const indexes = places.get(place)
      if (indexes === undefined) places.set(place, [index])
      else indexes.push(index)
    }
    for (const indexes of places.values()) {
      void this.#sendAll(link, records, indexes, answers)
      if (!this.#confirms) for (const index of indexes) answers.answer(index, STORED)
    }
    return answers.done
  }

  /** One command after the other, so that nothing overtakes what was refused. Never rejects. */
  async #sendAll(link: RedisLink, records: readonly OutboundRecord[], indexes: readonly number[], answers: PublishAnswers) {
    let isOver = false
    for (let from = 0, to = 0; from < indexes.length; from = to) {
      const batch: OutboundRecord[] = []
      for (let bytes = 0; to < indexes.length && bytes < COMMAND_BYTES; to++) {
        const record = records[indexes[to] as number] as OutboundRecord
        batch.push(record)
        bytes += record.body.byteLength
      }
      const results: readonly PublishResult[] = isOver ? batch.map(afterRefusal) : await this.#send(link, batch)
      for (const [at, result] of results.entries()) answers.answer(indexes[from + at] as number, result)
      isOver ||= results.some((result) => !result.ok && result.error.retryable)
    }
  }

  async #send(link: RedisLink, batch: readonly OutboundRecord[]): Promise<readonly PublishResult[]> {
    const { keys, args } = this.#dispatch.command(batch)
    let replies: readonly (number | string)[]
    try {
      replies = (await this.#dispatch.script.run(link, keys, args)) as typeof replies
    } catch (thrown) {
      const stored = hadNoEffect(thrown) ? 'no' : 'unknown'
      const failure = redisError(thrown, 'publish')
      // A replica that was a master before, or a server that loads: another connection finds the one that serves.
      if (failure instanceof ConnectionError && failure.details['reply'] === 'READONLY') this.#connection.giveUp(link, thrown)
      return batch.map(({ topic }) => ({ ok: false, stored, error: notStored(topic, failure, stored) }))
    }
    this.#dispatch.onSent?.(batch)
    return batch.map((record, at) => this.#resultOf(record, replies[at]))
  }

  #resultOf(record: OutboundRecord, reply: number | string | undefined): PublishResult {
    const { topic, unroutable = 'error' } = record
    if (typeof reply === 'string') return refused(notStored(topic, replyAsError(reply, 'publish'), 'no'))
    if (reply === undefined) return afterRefusal(record)
    const isLost = reply === 0 && unroutable === 'error' && this.#features.detectsUnroutable
    return isLost ? refused(errors.unroutable(topic, this.#dispatch.nobody)) : STORED
  }
}

function afterRefusal({ topic }: OutboundRecord): PublishResult {
  return refused(new PublishError(`a record for topic ${topic} was not stored, because one before it was refused`))
}
