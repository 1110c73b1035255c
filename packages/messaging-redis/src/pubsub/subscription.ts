import { type CommunicationError, ConnectionError, exponentialBackoff, type Timer } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from '@comm/messaging'
import { destroyClient, type NodeClient, type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import { closedError } from '../errors.ts'
import { Inbox } from '../inbox.ts'
import type { ResolvedPubSub } from '../options.ts'
import { channelPattern } from './channel-pattern.ts'
import { ChannelDelivery } from './delivery.ts'

const backoff = exponentialBackoff({ baseMs: 100, maxMs: 2000 })

/** A subscription with a connection of its own; after an outage it subscribes again. What is published meanwhile is lost to it. */
export class ChannelSubscription implements Subscription {
  readonly ended: Promise<CommunicationError | undefined>
  /** Messages that found no room, since the beginning. */
  dropped = 0
  readonly #connection: RedisConnection
  readonly #options: ResolvedPubSub
  readonly #request: SubscribeRequest
  readonly #inbox: Inbox<ChannelDelivery>
  readonly #resolveEnded: (error: CommunicationError | undefined) => void
  #waiting = 0
  #received = 0
  #clients: NodeClient[] = []
  #lost = new AbortController()
  #reopen: Timer | undefined
  #failures = 0
  #takesIn = true

  constructor(
    connection: RedisConnection,
    options: ResolvedPubSub,
    request: SubscribeRequest,
    onDelivery: (delivery: Delivery) => void,
  ) {
    this.#connection = connection
    this.#options = options
    this.#request = request
    this.#inbox = new Inbox(request.maxUnsettled, (delivery) => {
      this.#waiting--
      onDelivery(delivery)
    })
    const { promise, resolve } = Promise.withResolvers<CommunicationError | undefined>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  /** Begins, or goes on after an outage. @throws CommunicationError */
  async open(link: RedisLink): Promise<void> {
    const lost = new AbortController()
    this.#lost = lost
    try {
      if (this.#options.sharded) for (const topic of this.#request.topics) await this.#listen(link, [topic], lost)
      else await this.#listen(link, this.#request.topics, lost)
    } catch (thrown) {
      const error = redisError(thrown, `subscribe to ${this.#request.topics.join(', ')}`)
      if (this.#lost === lost) this.lose(new ConnectionError('the subscription could not be opened', { cause: error }))
      throw error
    }
    if (lost.signal.aborted) throw lost.signal.reason
    this.#failures = 0
  }

  /** The connection came back. */
  restore(link: RedisLink): void {
    this.#reopen?.cancel()
    this.#reopen = undefined
    if (!this.#takesIn || this.#clients.length > 0) return
    this.open(link).catch((thrown: unknown) => this.#failed(thrown))
  }

  lose(reason: CommunicationError): void {
    for (const client of this.#clients) destroyClient(client)
    this.#clients = []
    this.#inbox.clear()
    this.#waiting = 0
    this.#lost.abort(reason)
  }

  settled(delivery: ChannelDelivery, isBack: boolean): void {
    if (!isBack || !this.#takesIn) return this.#inbox.settled(delivery)
    this.#waiting++
    this.#inbox.settled(delivery, delivery.again())
  }

  async stopIntake(): Promise<void> {
    this.#takesIn = false
    this.#reopen?.cancel()
    this.#inbox.close()
    for (const client of this.#clients) destroyClient(client)
    this.#clients = []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopIntake()
    this.lose(closedError('the subscription'))
    this.#resolveEnded(undefined)
  }

  async #listen(link: RedisLink, topics: readonly string[], lost: AbortController): Promise<void> {
    const { keyPrefix, sharded } = this.#options
    const channels = topics.map((topic) => keyPrefix + topic)
    const client = await link.dedicated(channels[0] as string)
    if (lost.signal.aborted || !this.#takesIn) return destroyClient(client)
    this.#clients.push(client)
    client.once('terminated', (reason: unknown) => {
      if (lost.signal.aborted || !this.#takesIn) return
      this.lose(new ConnectionError('the subscription lost its connection', { cause: redisError(reason, 'listen') }))
      this.#failed(reason)
    })
    const receive = (message: Buffer, channel: Buffer): void =>
      this.#receive(String(channel).slice(keyPrefix.length), message, lost)
    if (sharded) await client.sSubscribe(channels, receive, true)
    else if (!this.#request.pattern) await client.subscribe(channels, receive, true)
    else {
      for (const [at, channel] of channels.entries()) {
        const { matches } = channelPattern(topics[at] as string)
        await client.pSubscribe(
          channelPattern(channel).glob,
          (message: Buffer, from: Buffer) => {
            if (matches(String(from).slice(keyPrefix.length))) receive(message, from)
          },
          true,
        )
      }
    }
  }

  #receive(topic: string, body: Buffer, lost: AbortController): void {
    if (lost.signal.aborted || !this.#takesIn) return
    if (this.#waiting >= this.#options.maxQueuedRecords) {
      if (this.dropped++ === 0) {
        const { logger } = this.#connection.options
        logger.warn(`messages of ${topic} are dropped: ${this.#waiting} wait for busy handlers (maxQueuedRecords)`)
      }
      return
    }
    this.#waiting++
    const lane = this.#request.lanes === 'source' ? topic : undefined
    this.#inbox.add(new ChannelDelivery(this, topic, String(++this.#received), body, lane, lost.signal))
  }

  #failed(thrown: unknown): void {
    const error = redisError(thrown, `go on with the subscription to ${this.#request.topics.join(', ')}`)
    if (!error.retryable && error.code !== 'COMM_CLOSED') {
      this.#takesIn = false
      this.lose(error)
      this.#resolveEnded(error)
      return
    }
    if (!this.#takesIn || this.#reopen !== undefined) return
    const { clock, random } = this.#connection.options
    const delayMs = backoff.delayMs({ retry: ++this.#failures, previousMs: undefined, random })
    this.#reopen = clock.setTimer(delayMs, () => {
      this.#reopen = undefined
      if (this.#connection.link !== undefined) this.restore(this.#connection.link)
    })
  }
}
