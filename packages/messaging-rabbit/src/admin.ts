import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { checkBrowse, unsupported } from '@comm/messaging/adapter'
import { absorb, type Channel, fromAmqp, type GetMessage, type Link, NOT_FOUND } from '@comm/rabbit-driver'
import { contentOf, idOf, timestampOf } from './message.ts'
import { queueOf } from './names.ts'

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
    const { topic, group, limit } = checkBrowse(request)
    const shown: StoredRecord[] = []
    await this.#lookThrough('browse', queueGiven('browse', topic, group), limit, (message) => {
      shown.push({ id: idOf(message), topic, ...contentOf(message), timestamp: timestampOf(message) })
      return false
    })
    return shown
  }

  async remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    const queue = queueGiven('remove from', topic, group)
    const wanted = new Set(ids)
    const before = wanted.size
    const isFound = (): boolean => wanted.size === 0
    await this.#lookThrough('remove from', queue, Number.POSITIVE_INFINITY, (message) => wanted.delete(idOf(message)), isFound)
    return before - wanted.size
  }

  async purge(topic: string, group?: string): Promise<number> {
    const queue = queueGiven('purge', topic, group)
    const purged = await this.#inQueue('purge', queue, (channel) => channel.purgeQueue(queue))
    return purged?.messageCount ?? 0
  }

  /** @param look sees them, oldest first; what it does not remove, by `true`, is put back @param isEnough ends it early */
  async #lookThrough(
    what: string,
    queue: string,
    limit: number,
    look: (message: GetMessage) => boolean,
    isEnough: () => boolean = () => false,
  ): Promise<void> {
    let left = (await this.#waiting(what, queue)) ?? 0
    const most = Math.min(limit, left)
    await this.#inQueue(what, queue, async (channel) => {
      for (let seen = 0; seen < most && !isEnough(); seen++) {
        const message = await channel.get(queue)
        if (message === false) break
        if (!look(message)) continue
        channel.ack(message)
        left--
      }
    })
    // Closing the channel has put back the rest, in its order.
    for (let tries = 0; tries < PUT_BACK_TRIES; tries++) {
      const waiting = await this.#waiting(what, queue)
      if (waiting === undefined || waiting >= left) return
    }
  }

  async #waiting(what: string, queue: string): Promise<number | undefined> {
    return (await this.#inQueue(what, queue, (channel) => channel.checkQueue(queue)))?.messageCount
  }

  /** @returns undefined where there is no such queue */
  async #inQueue<Result>(what: string, queue: string, use: (channel: Channel) => Promise<Result>): Promise<Result | undefined> {
    const link = this.#link(`${what} queue ${queue}`)
    return link
      .onChannel(use)
      .catch(absorb(NOT_FOUND))
      .catch((thrown: unknown) => {
        throw fromAmqp(`${what} queue ${queue}`, thrown)
      })
  }
}

function queueGiven(what: string, topic: string, group: string | undefined): string {
  if (group !== undefined) return queueOf(topic, group)
  throw unsupported(`cannot ${what} topic ${topic}: RabbitMQ keeps records for groups only. Name one`)
}
