import { randomBytes } from 'node:crypto'
import { type CommunicationError, ConnectionError, exponentialBackoff, sleep, type Timer } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from '@comm/messaging'
import { isGone, type RedisConnection, type RedisLink, redisError } from '@comm/redis-stores/connection'
import { closedError, goneError } from '../errors.ts'
import { Inbox } from '../inbox.ts'
import type { ResolvedStreams } from '../options.ts'
import type { StreamDelivery } from './delivery.ts'
import { TopicKeys } from './keys.ts'
import { type IntakeOwner, TopicIntake } from './topic-intake.ts'
import type { Trimmer } from './trimmer.ts'

const backoff = exponentialBackoff({ baseMs: 100, maxMs: 2000 })
/** What is left to do at a disposal may take this long, where the server does not answer. */
const LEAVE_LIMIT_MS = 2000

/** A subscription that outlives its connections; each gives it a `lost` signal of its own. */
export class StreamSubscription implements Subscription, IntakeOwner {
  readonly ended: Promise<CommunicationError | undefined>
  /** This member's name in its group, the same after a reconnect. */
  readonly consumer: string
  readonly #connection: RedisConnection
  readonly #trimmer: Trimmer
  readonly #inbox: Inbox<StreamDelivery>
  readonly #intakes: ReadonlyMap<string, TopicIntake>
  readonly #request: SubscribeRequest
  readonly #resolveEnded: (error: CommunicationError | undefined) => void
  #link: RedisLink | undefined
  #lost = new AbortController()
  #reopen: Timer | undefined
  #failures = 0
  #takesIn = true
  #stopping: Promise<void> | undefined
  #leaving: Promise<void> | undefined

  constructor(
    connection: RedisConnection,
    options: ResolvedStreams,
    trimmer: Trimmer,
    request: SubscribeRequest,
    onDelivery: (delivery: Delivery) => void,
  ) {
    const { clock, clientId = 'comm' } = connection.options
    this.#connection = connection
    this.#trimmer = trimmer
    this.#request = request
    this.consumer = `${clientId}-${randomBytes(8).toString('hex')}`
    this.#inbox = new Inbox(request.maxUnsettled, (delivery) => {
      this.#intakes.get(delivery.topic)?.room.taken()
      onDelivery(delivery)
    })
    const { keyPrefix } = options
    const topics = [...new Set(request.topics)]
    this.#intakes = new Map(
      topics.map((topic) => [topic, new TopicIntake(new TopicKeys(keyPrefix, topic), request, this, { ...options, clock })]),
    )
    const { promise, resolve } = Promise.withResolvers<CommunicationError | undefined>()
    this.ended = promise
    this.#resolveEnded = resolve
  }

  get link(): RedisLink | undefined {
    return this.#link
  }

  get takesIn(): boolean {
    return this.#takesIn
  }

  /** Begins, or goes on after an outage. @throws CommunicationError */
  async open(link: RedisLink): Promise<void> {
    const lost = new AbortController()
    this.#lost = lost
    this.#link = link
    try {
      await Promise.all([...this.#intakes.values()].map((intake) => intake.open(link, lost.signal)))
    } catch (thrown) {
      const error = redisError(thrown, `subscribe to ${this.#request.topics.join(', ')}`)
      if (this.#lost === lost) this.lose(new ConnectionError('the subscription could not be opened', { cause: error }))
      throw error
    }
    if (lost.signal.aborted) throw lost.signal.reason
    this.#failures = 0
    if (this.#takesIn) for (const intake of this.#intakes.values()) intake.begin()
  }

  /** The connection came back. */
  restore(link: RedisLink): void {
    this.#reopen?.cancel()
    this.#reopen = undefined
    if (!this.#takesIn || this.#link !== undefined) return
    this.open(link).catch((thrown: unknown) => this.#digest(this.#request.topics.join(', '), thrown))
  }

  /** The connection is gone: nothing is owned any more. */
  lose(reason: CommunicationError): void {
    this.#link = undefined
    for (const intake of this.#intakes.values()) intake.abandon()
    this.#inbox.clear()
    this.#lost.abort(reason)
  }

  add(delivery: StreamDelivery): void {
    if (!this.#takesIn) this.#giveBack([delivery]).catch((thrown: unknown) => this.failed(delivery.topic, thrown))
    else this.#inbox.add(delivery)
  }

  settled(delivery: StreamDelivery, again: StreamDelivery | undefined): void {
    if (again === undefined) {
      if (delivery.source.only === undefined) this.#trimmer.note(delivery.topic, 1)
      this.#inbox.settled(delivery)
      return
    }
    this.#intakes.get(delivery.topic)?.room.add(again.body.byteLength)
    this.#inbox.settled(delivery, again)
  }

  failed(topic: string, thrown: unknown): void {
    if (this.#lost.signal.aborted) return
    const error = redisError(thrown, `go on with the subscription to ${topic}`)
    this.lose(new ConnectionError(`the subscription to ${topic} lost its connection: ${error.message}`, { cause: error }))
    this.#digest(topic, thrown)
  }

  deposed(): void {
    const { group } = this.#request
    this.lose(new ConnectionError(`another consumer of group ${group} became the active one`))
    this.#reopenSoon()
  }

  stopIntake(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #stop(): Promise<void> {
    this.#takesIn = false
    this.#reopen?.cancel()
    const waiting = this.#inbox.close()
    if (this.#link === undefined) return
    await this.#atMost(
      Promise.all([...this.#intakes.values()].map((intake) => intake.stop())).then(() => this.#giveBack(waiting)),
    )
  }

  async #leave(): Promise<void> {
    await this.stopIntake()
    const link = this.#link
    this.#lost.abort(closedError('the subscription'))
    if (link !== undefined) {
      const intakes = [...this.#intakes.values()]
      await this.#atMost(
        Promise.all(
          intakes.map(async (intake) => {
            for (const stream of intake.streams) await stream.release('all', [])
            await intake.deactivate(link)
          }),
        ),
      )
    }
    this.lose(closedError('the subscription'))
    this.#resolveEnded(undefined)
  }

  async #giveBack(waiting: readonly StreamDelivery[]): Promise<void> {
    for (const intake of this.#intakes.values()) {
      for (const stream of intake.streams)
        await stream.release(
          'some',
          waiting.filter(({ source }) => source === stream),
        )
    }
  }

  /** What a failure means: the end, or another try. */
  #digest(topic: string, thrown: unknown): void {
    const error = redisError(thrown, `go on with the subscription to ${topic}`)
    if (isGone(thrown)) return this.#end(goneError(topic, thrown))
    if (!error.retryable && error.code !== 'COMM_CLOSED') return this.#end(error)
    this.#reopenSoon()
  }

  #end(error: CommunicationError): void {
    this.#takesIn = false
    this.#leaving ??= Promise.resolve()
    this.lose(error)
    this.#resolveEnded(error)
  }

  #reopenSoon(): void {
    const { clock, random } = this.#connection.options
    if (!this.#takesIn || this.#reopen !== undefined) return
    const delayMs = backoff.delayMs({ retry: ++this.#failures, previousMs: undefined, random })
    this.#reopen = clock.setTimer(delayMs, () => {
      this.#reopen = undefined
      // Without a connection, `restore` comes when there is one.
      if (this.#connection.link !== undefined) this.restore(this.#connection.link)
    })
  }

  /** Never rejects: what cannot be given back now is claimed by others later. */
  async #atMost(work: Promise<unknown>): Promise<void> {
    const over = new AbortController()
    const limit = sleep(LEAVE_LIMIT_MS, { clock: this.#connection.options.clock, signal: over.signal })
    await Promise.race([work.then(() => undefined), limit]).catch(() => undefined)
    over.abort()
    limit.catch(() => undefined)
  }
}
