import { checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { unsupported } from '@comm/messaging/adapter'
import type { Channel, GetMessage } from 'amqplib'
import { fromAmqp, NOT_FOUND, replyCodeOf } from './errors.ts'
import type { Link } from './link.ts'
import { contentOf, idOf, timestampOf } from './message.ts'
import { queueOf } from './names.ts'

const BROWSE_LIMIT = 100
/** RabbitMQ puts back what was looked at after the answer to it: the count says when. */
const PUT_BACK_TRIES = 200

/**
 * Looks into the queues of groups. AMQP has no look without taking: records are taken and put back, so each look counts as a delivery,
 * and what consumers hold is not seen.
 */
export class RabbitAdmin implements Required<BrokerAdmin> {
  readonly #link: (what: string) => Link
  readonly #unsettledHere: (queue: string) => number

  /**
   * @param link throws without a connection
   * @param unsettledHere what this adapter's own subscriptions hold of a queue
   */
  constructor(link: (what: string) => Link, unsettledHere: (queue: string) => number) {
    this.#link = link
    this.#unsettledHere = unsettledHere
  }

  /** What waits, and what this adapter holds; AMQP does not tell what others hold. */
  async lag(topic: string, group: string): Promise<number> {
    const queue = queueOf(topic, group)
    return ((await this.#waiting('count', queue)) ?? 0) + this.#unsettledHere(queue)
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    checkOptions<BrowseRequest>('browse', request, {
      topic: required(nonEmptyText),
      group: nonEmptyText,
      limit: number({ min: 0, integer: true }),
    })
    const { topic, group, limit = BROWSE_LIMIT } = request
    const messages = await this.#lookThrough('browse', queueGiven('browse', topic, group), limit, () => false)
    return messages.map((message) => ({ id: idOf(message), topic, ...contentOf(message), timestamp: timestampOf(message) }))
  }

  async remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    const queue = queueGiven('remove from', topic, group)
    const wanted = new Set(ids)
    const before = wanted.size
    await this.#lookThrough('remove from', queue, Number.POSITIVE_INFINITY, (message) => wanted.delete(idOf(message)))
    return before - wanted.size
  }

  async purge(topic: string, group?: string): Promise<number> {
    const queue = queueGiven('purge', topic, group)
    const purged = await this.#inQueue('purge', queue, (channel) => channel.purgeQueue(queue))
    return purged?.messageCount ?? 0
  }

  /** @returns the messages, oldest first; those that are not to be removed are put back */
  async #lookThrough(what: string, queue: string, limit: number, isToRemove: (message: GetMessage) => boolean) {
    const seen: GetMessage[] = []
    let left = (await this.#waiting(what, queue)) ?? 0
    const most = Math.min(limit, left)
    await this.#inQueue(what, queue, async (channel) => {
      while (seen.length < most) {
        const message = await channel.get(queue)
        if (message === false) break
        seen.push(message)
        if (!isToRemove(message)) continue
        channel.ack(message)
        left--
      }
    })
    // Closing the channel has put back the rest, in its order.
    for (let tries = 0; tries < PUT_BACK_TRIES; tries++) {
      const waiting = await this.#waiting(what, queue)
      if (waiting === undefined || waiting >= left) break
    }
    return seen
  }

  async #waiting(what: string, queue: string): Promise<number | undefined> {
    const checked = await this.#inQueue(what, queue, (channel) => channel.checkQueue(queue))
    return checked?.messageCount
  }

  /** @returns undefined where there is no such queue */
  async #inQueue<Result>(what: string, queue: string, use: (channel: Channel) => Promise<Result>): Promise<Result | undefined> {
    const link = this.#link(`${what} queue ${queue}`)
    try {
      return await link.onChannel(use)
    } catch (thrown) {
      if (replyCodeOf(thrown) === NOT_FOUND) return undefined
      throw fromAmqp(`${what} queue ${queue}`, thrown)
    }
  }
}

function queueGiven(what: string, topic: string, group: string | undefined): string {
  if (group !== undefined) return queueOf(topic, group)
  throw unsupported(`cannot ${what} topic ${topic}: RabbitMQ keeps records for groups only. Name one`)
}
