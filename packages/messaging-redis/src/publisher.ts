import { PublishError } from '@comm/core'
import type { BrokerFeatures, OutboundRecord, PublishResult } from '@comm/messaging'
import { maybeStored, PublishAnswers, refused, STORED } from '@comm/messaging/adapter'
import {
  type Argument,
  hadNoEffect,
  type RedisConnection,
  type RedisLink,
  type RedisScript,
  replyAsError,
} from '@comm/redis-stores/connection'
import { errors, impossible, notStored } from './errors.ts'

/** How records are sent. */
export interface Dispatch {
  /** Answers for each record, up to the first failure that may pass: how many took it, or an error's text. */
  readonly script: RedisScript
  /** Answers wait for the server's. */
  readonly confirms: boolean
  /** Why nobody takes a topic. */
  readonly nobody: string
  /** Records of one place go together, in order. */
  place(record: OutboundRecord): string
  command(records: readonly OutboundRecord[]): readonly [keys: readonly [string, ...string[]], args: readonly Argument[]]
}

/** Sends what goes to one place in one script call. */
export class Publisher {
  readonly #connection: RedisConnection
  readonly #features: BrokerFeatures
  readonly #dispatch: Dispatch

  constructor(connection: RedisConnection, features: BrokerFeatures, dispatch: Dispatch) {
    this.#connection = connection
    this.#features = features
    this.#dispatch = dispatch
  }

  publish(link: RedisLink, records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    const answers = new PublishAnswers(records.length, signal, (by) => maybeStored(errors.aborted('publishing to', by)))
    const places = Map.groupBy(records.keys(), (index) => this.#placeOf(records[index] as OutboundRecord, index, answers))
    for (const [place, indexes] of places) if (place !== undefined) void this.#send(link, records, indexes, answers)
    if (!this.#dispatch.confirms) for (const index of records.keys()) answers.answer(index, STORED)
    return answers.done
  }

  /** @returns undefined for a record that cannot be sent, and has its answer */
  #placeOf(record: OutboundRecord, index: number, answers: PublishAnswers): string | undefined {
    const error = impossible(record, this.#features)
    if (error === undefined) return this.#dispatch.place(record)
    answers.answer(index, refused(error))
    return undefined
  }

  /** Never rejects. */
  async #send(link: RedisLink, records: readonly OutboundRecord[], indexes: readonly number[], answers: PublishAnswers) {
    const batch = indexes.map((index) => records[index] as OutboundRecord)
    let resultOf: (record: OutboundRecord, at: number) => PublishResult
    try {
      const [keys, args] = this.#dispatch.command(batch)
      const replies = (await this.#dispatch.script.run(link, keys, args)) as readonly (number | string)[]
      resultOf = (record, at) => this.#resultOf(record, replies[at])
    } catch (thrown) {
      const stored = hadNoEffect(thrown) ? 'no' : 'unknown'
      const failure = this.#connection.failureOf(link, thrown, 'publish')
      resultOf = ({ topic }) => ({ ok: false, stored, error: notStored(topic, failure, stored) })
    }
    for (const [at, record] of batch.entries()) answers.answer(indexes[at] as number, resultOf(record, at))
  }

  #resultOf({ topic, unroutable = 'error' }: OutboundRecord, reply: number | string | undefined): PublishResult {
    if (typeof reply === 'string') return refused(notStored(topic, replyAsError(reply, 'publish'), 'no'))
    if (reply === undefined)
      return refused(new PublishError(`a record for topic ${topic} was not stored, because one before it was refused`))
    const isLost = reply === 0 && unroutable === 'error' && this.#features.detectsUnroutable
    return isLost ? refused(errors.unroutable(topic, this.#dispatch.nobody)) : STORED
  }
}
