import { randomBytes } from 'node:crypto'
import { ConnectionError } from '@comm/core'
import { matchesTopic } from '@comm/messaging/adapter'
import { OwnConnection, redisError } from '@comm/redis-stores/connection'
import { RedisConsumer, type RedisConsumerParts } from '../consumer.ts'
import type { ResolvedPubSub } from '../options.ts'
import { TopicSource } from '../topic-source.ts'
import { channelGlob } from './channel-glob.ts'

const NO_HEADERS = Object.freeze({})

/** Subscribes with a connection of its own. What is published before another takes its place is lost to the subscription. */
export class ChannelConsumer extends RedisConsumer {
  readonly #options: ResolvedPubSub
  readonly #drop: (topic: string) => void
  readonly #sources = new Map<string, TopicSource>()
  readonly #connections: OwnConnection[] = []
  /** Redis gives messages no id: a count tells them apart, and this those of different subscriptions. */
  readonly #name = `r${randomBytes(8).toString('hex')}`
  #received = 0
  #waiting = 0

  /** @param drop hears of a message that found no room */
  constructor(parts: RedisConsumerParts, options: ResolvedPubSub, drop: (topic: string) => void) {
    super(parts)
    this.#options = options
    this.#drop = drop
  }

  protected async begin(): Promise<void> {
    const { topics } = this.request
    // Sharded channels have their places in a Cluster, so each needs a connection there.
    for (const together of this.#options.sharded ? topics.map((topic) => [topic]) : [topics]) await this.#listen(together)
  }

  protected end(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  async #listen(topics: readonly string[]): Promise<void> {
    const { keyPrefix, sharded } = this.#options
    const channels = topics.map((topic) => keyPrefix + topic)
    const own = await OwnConnection.open(this.link, channels[0] as string, (reason) => {
      const cause = redisError(reason, 'listen')
      this.giveUp(new ConnectionError(`the subscription to ${topics.join(', ')} lost its connection`, { cause }))
    })
    this.#connections.push(own)
    const receive = (body: Buffer, channel: Buffer): void => this.#receive(String(channel).slice(keyPrefix.length), body)
    if (sharded) await own.client.sSubscribe(channels, receive, true)
    else if (!this.request.pattern) await own.client.subscribe(channels, receive, true)
    else {
      for (const pattern of topics) {
        const receiveMatching = (body: Buffer, channel: Buffer): void => {
          if (matchesTopic(pattern, String(channel).slice(keyPrefix.length))) receive(body, channel)
        }
        await own.client.pSubscribe(channelGlob(keyPrefix + pattern), receiveMatching, true)
      }
    }
  }

  #receive(topic: string, body: Buffer): void {
    if (this.#waiting >= this.#options.maxQueuedRecords) return this.#drop(topic)
    this.#waiting++
    let source = this.#sources.get(topic)
    if (source === undefined) {
      source = new TopicSource(this, topic, { add: () => this.#waiting++, taken: () => this.#waiting-- })
      // Of a pattern's topics there may be no end.
      if (!this.request.pattern) this.#sources.set(topic, source)
    }
    const content = { body, key: undefined, headers: NO_HEADERS }
    this.offer(source.deliveryOf(`${this.#name}-${++this.#received}`, content, undefined, undefined))
  }
}
