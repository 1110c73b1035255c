import { randomBytes } from 'node:crypto'
import { type CommunicationError, ConnectionError } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { Intake, type LinkConsumer, laneOf, matchesTopic } from '@comm/messaging/adapter'
import { destroyClient, type NodeClient, type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import type { MakeConsumer, OnDelivery } from '../adapter.ts'
import { type Content, RedisDelivery, type Settlement, type Source } from '../delivery.ts'
import type { ResolvedPubSub } from '../options.ts'
import { channelGlob } from './channel-glob.ts'

/** @param drops counts messages that found no room @returns what makes a consumer for each connection of a subscription */
export function channelConsumers(
  connection: RedisConnection,
  options: ResolvedPubSub,
  request: SubscribeRequest,
  onDelivery: OnDelivery,
  drops: { count: number },
): MakeConsumer {
  const drop = (topic: string): void => {
    if (drops.count++ > 0) return
    connection.options.logger.warn(`messages of ${topic} are dropped: its handlers are too slow for maxQueuedRecords`)
  }
  return (link, onLost) => new ChannelConsumer(link, options, request, onDelivery, drop, onLost)
}

/** Subscribes with a connection of its own. What is published before another takes its place is lost to the subscription. */
class ChannelConsumer implements LinkConsumer {
  readonly #link: RedisLink
  readonly #options: ResolvedPubSub
  readonly #request: SubscribeRequest
  readonly #onLost: (reason: CommunicationError) => void
  readonly #drop: (topic: string) => void
  readonly #intake: Intake<RedisDelivery>
  readonly #lost = new AbortController()
  readonly #sources = new Map<string, Source>()
  readonly #clients: NodeClient[] = []
  /** Redis gives messages no id; a count tells them apart, and this those of different subscriptions. */
  readonly #name = `r${randomBytes(8).toString('hex')}`
  #received = 0
  #waiting = 0
  #takesIn = true

  constructor(
    link: RedisLink,
    options: ResolvedPubSub,
    request: SubscribeRequest,
    onDelivery: OnDelivery,
    drop: (topic: string) => void,
    onLost: (reason: CommunicationError) => void,
  ) {
    this.#link = link
    this.#options = options
    this.#request = request
    this.#drop = drop
    this.#onLost = onLost
    this.#intake = new Intake(request.maxUnsettled, (delivery) => {
      this.#waiting--
      onDelivery(delivery)
    })
  }

  async open(): Promise<void> {
    const { topics } = this.#request
    try {
      // Channels of a Cluster have their places, so each needs a connection there.
      if (this.#options.sharded) for (const topic of topics) await this.#listen([topic])
      else await this.#listen(topics)
    } catch (thrown) {
      throw redisError(thrown, `subscribe to ${topics.join(', ')}`)
    }
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason
  }

  stopIntake(): void {
    this.#takesIn = false
    this.#intake.close()
    for (const client of this.#clients) destroyClient(client)
  }

  async close(reason: CommunicationError): Promise<void> {
    this.lose(reason)
  }

  lose(reason: CommunicationError): void {
    this.stopIntake()
    this.#lost.abort(reason)
  }

  async #listen(topics: readonly string[]): Promise<void> {
    const { keyPrefix, sharded } = this.#options
    const channels = topics.map((topic) => keyPrefix + topic)
    const client = await this.#link.dedicated(channels[0] as string)
    if (!this.#takesIn) return destroyClient(client)
    this.#clients.push(client)
    client.once('terminated', (reason: unknown) => {
      if (!this.#takesIn) return
      const cause = redisError(reason, 'listen')
      const error = new ConnectionError(`the subscription to ${topics.join(', ')} lost its connection`, { cause })
      this.lose(error)
      this.#onLost(error)
    })
    const receive = (message: Buffer, channel: Buffer): void => this.#receive(String(channel).slice(keyPrefix.length), message)
    if (sharded) await client.sSubscribe(channels, receive, true)
    else if (!this.#request.pattern) await client.subscribe(channels, receive, true)
    else {
      for (const topic of topics) {
        const receiveMatching = (message: Buffer, channel: Buffer): void => {
          if (matchesTopic(topic, String(channel).slice(keyPrefix.length))) receive(message, channel)
        }
        await client.pSubscribe(channelGlob(keyPrefix + topic), receiveMatching, true)
      }
    }
  }

  #receive(topic: string, body: Buffer): void {
    if (!this.#takesIn) return
    if (this.#waiting >= this.#options.maxQueuedRecords) return this.#drop(topic)
    this.#waiting++
    const lane = laneOf(this.#request.lanes, topic, undefined)
    const content: Content = { body, key: undefined, headers: NO_HEADERS }
    const id = `${this.#name}-${++this.#received}`
    this.#intake.offer(new RedisDelivery(this.#sourceOf(topic), id, content, undefined, lane, this.#lost.signal))
  }

  #sourceOf(topic: string): Source {
    let source = this.#sources.get(topic)
    if (source === undefined) {
      source = { topic, idSuffix: '', hasTimes: false, settle: (delivery, how) => this.#settle(delivery, how) }
      this.#sources.set(topic, source)
    }
    return source
  }

  #settle(delivery: RedisDelivery, how: Settlement): 'settled' {
    if (how === 'requeue' && this.#takesIn) {
      this.#waiting++
      this.#intake.requeue(delivery.again())
    } else this.#intake.settled(delivery)
    return 'settled'
  }
}

const NO_HEADERS = Object.freeze({})
