import { checkOptions, nonEmptyText, number, required } from '@comm/core/options'
import type { BrokerAdmin, BrowseRequest, StoredRecord } from '@comm/messaging'
import { unsupported } from '@comm/messaging/adapter'
import type { Channel, GetMessage } from 'amqplib'
import { fromAmqp, isNotFound } from './errors.ts'
import type { Link } from './link.ts'
import { headersOf, idOf, keyOf, timestampOf } from './message.ts'
import { queueOf } from './names.ts'

const BROWSE_LIMIT = 100
/** RabbitMQ puts back what was looked at after the answer to it: the count says when. */
const PUT_BACK_TRIES = 200

export interface AdminParts {
  /** @throws CommunicationError without a connection */
  readonly link: (what: string) => Link
  /** What this adapter's own subscriptions hold of a queue. */
  readonly unsettledHere: (queue: string) => number
}

/**
 * Looks into the queues of groups. AMQP has no look without taking: records are taken and put back, so each look counts as a delivery,
 * and what consumers hold is not seen.
 */
export class RabbitAdmin implements Required<BrokerAdmin> {
  readonly #parts: AdminParts

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  /** What waits, and what this adapter holds; AMQP does not tell what others hold. */
  async lag(topic: string, group: string): Promise<number> {
    const queue = queueOf(topic, group)
    const waiting = await this.#inQueue('count', queue, async (_, count) => count)
    return (waiting ?? 0) + this.#parts.unsettledHere(queue)
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    checkOptions<BrowseRequest>('browse', request, {
      topic: required(nonEmptyText),
      group: nonEmptyText,
      limit: number({ min: 0, integer: true }),
    })
    const { topic, group, limit = BROWSE_LIMIT } = request
    const queue = queueOf(topic, groupGiven('browse', topic, group))
    const shown: StoredRecord[] = []
    await this.#lookThrough('browse', queue, limit, (message) => {
      shown.push(storedRecord(topic, message))
      return 'put back'
    })
    return shown
  }

  async remove(topic: string, ids: readonly string[], group?: string): Promise<number> {
    const queue = queueOf(topic, groupGiven('remove from', topic, group))
    const wanted = new Set(ids)
    let removed = 0
    await this.#lookThrough('remove from', queue, Number.POSITIVE_INFINITY, (message) => {
      if (!wanted.delete(idOf(message))) return 'put back'
      removed++
      return 'remove'
    })
    return removed
  }

  async purge(topic: string, group?: string): Promise<number> {
    const queue = queueOf(topic, groupGiven('purge', topic, group))
    return (await this.#inQueue('purge', queue, async (channel) => (await channel.purgeQueue(queue)).messageCount)) ?? 0
  }

  async #lookThrough(
    what: string,
    queue: string,
    limit: number,
    judge: (message: GetMessage) => 'put back' | 'remove',
  ): Promise<void> {
    let left = 0
    await this.#inQueue(what, queue, async (channel, count) => {
      left = count
      for (let looked = 0; looked < Math.min(limit, count); looked++) {
        const message = await channel.get(queue)
        if (message === false) break
        if (judge(message) === 'remove') {
          channel.ack(message)
          left--
        }
      }
    })
    // Closing the channel has put back the rest, in its order.
    for (let tries = 0; tries < PUT_BACK_TRIES; tries++) {
      const waiting = await this.#inQueue(what, queue, async (_, count) => count)
      if (waiting === undefined || waiting >= left) return
    }
  }

  /** @returns undefined where there is no such queue */
  async #inQueue<Result>(
    what: string,
    queue: string,
    use: (channel: Channel, waiting: number) => Promise<Result>,
  ): Promise<Result | undefined> {
    const link = this.#parts.link(`${what} queue ${queue}`)
    try {
      return await link.onChannel(async (channel) => use(channel, (await channel.checkQueue(queue)).messageCount))
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined
      throw fromAmqp(`${what} queue ${queue}`, thrown)
    }
  }
}

function groupGiven(what: string, topic: string, group: string | undefined): string {
  if (group !== undefined) return group
  throw unsupported(`cannot ${what} topic ${topic}: RabbitMQ keeps records for groups only. Name one`)
}

function storedRecord(topic: string, message: GetMessage): StoredRecord {
  return {
    id: idOf(message),
    topic,
    key: keyOf(message),
    body: message.content,
    headers: headersOf(message),
    timestamp: timestampOf(message),
  }
}
