import { AsyncLocalStorage } from 'node:async_hooks'
import { CommunicationError, type Component, type Health, silentLogger, systemClock, UP } from '@comm/core'
import { callable, checkArgument, type Rule, withDefaults } from '@comm/core/options'
import type { BrokerAdapter, OutboundRecord, PublishResult } from './broker.ts'
import type { Waiter } from './buffer/entry.ts'
import { PublishBuffer } from './buffer/publish-buffer.ts'
import { Codecs } from './codec.ts'
import { Connection } from './connection.ts'
import { DeadLetters } from './dead-letters.ts'
import { SendObserver } from './observe/sending.ts'
import { emptyStats, type MessagingStats } from './observe/stats.ts'
import { BUFFER_DEFAULTS } from './options/buffer-options.ts'
import { CLIENT_DEFAULTS, checkClientOptions, type MessageClientOptions } from './options/client-options.ts'
import type { PublishOptions } from './options/publish-options.ts'
import { type ResolvedSubscription, resolveSubscription, type SubscribeOptions } from './options/subscribe-options.ts'
import type { Handler, PipelineParts } from './pipeline/step.ts'
import { type PublishOutcome, PublishOutcomes } from './publish-outcomes.ts'
import { Publisher } from './publisher.ts'
import { type RequestOptions, Requests } from './request-reply.ts'
import { listenForCancels, RESPONDERS, type RespondOptions, responder } from './responder.ts'
import { HandlerSubscription, type MessageSubscription } from './subscription.ts'
import { isDeclared, isPattern, nameOf, portableName, type Topic, type TopicRef, topicOrPattern, validate } from './topic.ts'
import { Trouble, worstOf } from './trouble.ts'
import { unlessAborted, withTimeLimit } from './wait.ts'

/** Share of `closeTimeoutMs` that handlers may use; the rest is for the buffer. */
const DRAIN_SHARE = 0.8

/**
 * Publishes, subscribes, asks and answers over one broker. Everything but moving bytes happens here, so it is the same with every
 * adapter. It connects when it is first used, reconnects by itself, and drains when it is closed.
 */
export class MessageClient implements Component, AsyncDisposable {
  readonly name: string
  readonly #adapter: BrokerAdapter
  readonly #options: typeof CLIENT_DEFAULTS & MessageClientOptions
  readonly #connection: Connection
  readonly #codecs: Codecs
  readonly #buffer: PublishBuffer
  readonly #publisher: Publisher
  readonly #requests: Requests
  /** Subscriptions that the broker ended. */
  readonly #trouble = new Trouble()
  readonly #stats = emptyStats()
  readonly #shared: Omit<PipelineParts, 'stopping' | 'trouble' | 'name' | 'topic' | 'options' | 'handler' | 'bury'>
  readonly #subscriptions = new Set<HandlerSubscription>()
  /** How to begin those that wait for `start()`. */
  readonly #declared = new Map<HandlerSubscription, () => Promise<void>>()
  #isStarted: boolean
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(adapter: BrokerAdapter, options: MessageClientOptions = {}) {
    checkClientOptions(options)
    const resolved = withDefaults(CLIENT_DEFAULTS, options)
    const { name, clock = systemClock, random = Math.random, logger = silentLogger } = resolved
    const { features, system } = adapter
    this.name = name
    this.#adapter = adapter
    this.#options = resolved
    this.#isStarted = resolved.connectOn === 'use'
    this.#connection = new Connection(adapter, !this.#isStarted)
    this.#codecs = new Codecs(resolved.codecs)
    this.#buffer = new PublishBuffer({
      send: this.#send,
      keepsKeyOrderInBatch: features.keepsKeyOrderInBatch === true,
      options: withDefaults(BUFFER_DEFAULTS, resolved.buffer ?? {}),
      clock,
      random,
    })
    const publisher = new Publisher({
      buffer: this.#buffer,
      observer: new SendObserver(system, clock, this.#stats),
      features,
      codecs: this.#codecs,
      source: resolved.source ?? `/${name}`,
      clock,
      timeoutMs: resolved.publishTimeoutMs,
      resilience: resolved.resilience,
    })
    this.#publisher = publisher
    this.#requests = new Requests({
      adapter,
      connection: this.#connection,
      publisher,
      codecs: this.#codecs,
      clock,
      logger,
      timeoutMs: resolved.requestTimeoutMs,
    })
    this.#shared = {
      system,
      features,
      codecs: this.#codecs,
      clock,
      random,
      logger,
      stats: this.#stats,
      outside: AsyncLocalStorage.snapshot(),
      publish: (record) => publisher.republish(record),
    }
  }

  /** Counts since the client was made. */
  get stats(): Readonly<MessagingStats> {
    return { ...this.#stats }
  }

  /** Messages accepted for publishing and not confirmed yet. */
  get buffered(): { readonly messages: number; readonly bytes: number } {
    return this.#buffer.size
  }

  /**
   * Resolves when the broker has confirmed the message. While the broker is away it waits in the buffer, in order.
   * @throws ValidationError the body has no form in its content type, or does not match the topic's schema
   * @throws PublishError not confirmed; `stored` says whether the broker may have it. COMM_UNROUTABLE: nobody takes it
   * @throws CommunicationError COMM_ABORTED, COMM_CLOSED
   */
  publish<Input>(topic: Topic<Input, unknown>, body: NoInfer<Input>, options?: PublishOptions): Promise<void>
  publish(topic: string, body: unknown, options?: PublishOptions): Promise<void>
  publish(topic: string | Topic, body: unknown, options?: PublishOptions): Promise<void> {
    return new Promise((confirmed, failed) => this.#post(topic, body, options, { confirmed, failed }))
  }

  /** Checks a message and sends it. Never throws; the waiter is told. */
  #post(topic: string | Topic, body: unknown, options: PublishOptions | undefined, waiter: Waiter): void {
    try {
      const name = nameOf(topic)
      const checked = isDeclared(topic) ? validate(topic, body) : undefined
      if (checked instanceof Promise) {
        checked.then(
          () => this.#publisher.send(name, body, options, waiter),
          (thrown: unknown) => waiter.failed(CommunicationError.from(thrown)),
        )
      } else this.#publisher.send(name, body, options, waiter)
    } catch (thrown) {
      waiter.failed(CommunicationError.from(thrown))
    }
  }

  /**
   * Publishes several messages to a topic. Never rejects for the fate of one: each has its own result, in the order given.
   * @param options for all, or made for each
   */
  publishMany<Input>(
    topic: Topic<Input, unknown>,
    bodies: readonly NoInfer<Input>[],
    options?: PublishOptions | ((body: Input, index: number) => PublishOptions),
  ): Promise<readonly PublishOutcome[]>
  publishMany<Body>(
    topic: string,
    bodies: readonly Body[],
    options?: PublishOptions | ((body: Body, index: number) => PublishOptions),
  ): Promise<readonly PublishOutcome[]>
  async publishMany(
    topic: string | Topic,
    bodies: readonly unknown[],
    options: PublishOptions | ((body: never, index: number) => PublishOptions) = {},
  ): Promise<readonly PublishOutcome[]> {
    nameOf(topic)
    checkArgument('publishMany bodies', bodies, { expected: 'an array', accepts: Array.isArray })
    return new Promise((resolve) => {
      const outcomes = new PublishOutcomes(bodies.length, resolve)
      for (let index = 0; index < bodies.length; index++) {
        const waiter = outcomes.waiterAt(index)
        try {
          const body = bodies[index]
          this.#post(topic, body, typeof options === 'function' ? options(body as never, index) : options, waiter)
        } catch (thrown) {
          waiter.failed(CommunicationError.from(thrown))
        }
      }
    })
  }

  /**
   * Handles the messages of a topic, of several, or of those that match a pattern (`order.*`, `order.#`). Resolves when messages flow.
   * @throws ConfigurationError; CommunicationError when the broker refuses, or cannot do what the options ask (COMM_UNSUPPORTED)
   */
  subscribe<Output>(
    topic: Topic<unknown, Output>,
    handler: Handler<Output>,
    options?: SubscribeOptions,
  ): Promise<MessageSubscription>
  subscribe<Body = unknown>(
    topic: string | readonly string[],
    handler: Handler<Body>,
    options?: SubscribeOptions,
  ): Promise<MessageSubscription>
  async subscribe(topic: TopicRef, handler: Handler<never>, options: SubscribeOptions = {}): Promise<MessageSubscription> {
    const subscription = this.#declare(topic, resolveSubscription(options, this.#options.group), { handler: handler as Handler })
    await this.#begin(subscription, () => subscription.begin(this.#adapter))
    return subscription
  }

  /**
   * Sends a request and waits for its reply. Correlation, trace and deadline go with it; when the caller gives up, so does the
   * responder.
   * @throws what the responder threw, as an error of its code; COMM_UNROUTABLE when there is none; TimeoutError; COMM_ABORTED
   */
  request<Input, Reply = unknown>(
    topic: Topic<Input, unknown>,
    body: NoInfer<Input>,
    options?: RequestOptions<Reply>,
  ): Promise<Reply>
  request<Reply = unknown>(topic: string, body: unknown, options?: RequestOptions<Reply>): Promise<Reply>
  async request(topic: string | Topic, body: unknown, options: RequestOptions<never> = {}): Promise<unknown> {
    const name = nameOf(topic)
    if (isDeclared(topic)) await validate(topic, body)
    return this.#requests.request(name, body, options)
  }

  /**
   * Answers the requests of a topic: what `respond` returns is the reply, what it throws reaches the requester as an error. Responders
   * of one group share the requests. @default options.group 'responders'
   */
  respond<Output>(topic: Topic<unknown, Output>, respond: Handler<Output>, options?: RespondOptions): Promise<MessageSubscription>
  respond<Body = unknown>(topic: string, respond: Handler<Body>, options?: RespondOptions): Promise<MessageSubscription>
  async respond(topic: string | Topic, respond: Handler<never>, options: RespondOptions = {}): Promise<MessageSubscription> {
    const name = nameOf(topic)
    checkArgument('responder', respond, callable)
    const { logger } = this.#shared
    const asked = { ...options, retry: { maxAttempts: 1 }, deadLetter: false }
    const resolved = resolveSubscription(asked, this.#options.group ?? RESPONDERS)
    const subscription = this.#declare(topic, resolved, responder(respond as Handler, this.#publisher, logger))
    await this.#begin(subscription, async () => {
      await subscription.begin(this.#adapter)
      const cancels = await listenForCancels(this.#adapter, name, subscription)
      void subscription.ended.then(() => cancels[Symbol.asyncDispose]())
    })
    return subscription
  }

  /** The dead letters of a topic for the group that could not handle them. @param group default: the client's */
  deadLetters(topic: string | Topic, group: string | undefined = this.#options.group): DeadLetters {
    const name = nameOf(topic)
    checkArgument('group of the dead letters', group, portableName)
    const parts = { adapter: this.#adapter, connection: this.#connection, publisher: this.#publisher, codecs: this.#codecs }
    return new DeadLetters(name, group as string, parts)
  }

  /**
   * Connects, and starts the subscriptions declared before. Needed only with `connectOn: 'start'`, or to fail early.
   * @throws CommunicationError why there is no connection; the signal's reason
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.#checkOpen()
    this.#isStarted = true
    this.#connection.allow()
    await this.#connection.ready(signal)
    const declared = [...this.#declared.values()]
    this.#declared.clear()
    await Promise.all(declared.map((begin) => begin()))
  }

  /** Takes no more messages; publishes and running handlers go on. Idempotent. */
  async stopIntake(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stopIntake()))
  }

  /** Resolves when no handler runs. @throws the signal's reason */
  async drain(signal?: AbortSignal): Promise<void> {
    await unlessAborted(Promise.all([...this.#subscriptions].map(({ idle }) => idle)), signal)
  }

  /** Resolves when everything published is confirmed or has failed. @throws the signal's reason */
  flush(signal?: AbortSignal): Promise<void> {
    return this.#buffer.flush(signal)
  }

  /**
   * Stops intake, lets handlers finish, empties the buffer, disconnects; what does not end within `closeTimeoutMs`, or before the signal
   * aborts, is given back to the broker or fails with COMM_CLOSED. Idempotent; works while disconnected.
   */
  close(signal?: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(signal)
    return this.#closing
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const { closeTimeoutMs } = this.#options
    const { clock, logger } = this.#shared
    const closeBy = clock.now() + closeTimeoutMs
    const closed = new CommunicationError(`${this.name} was closed`, { code: 'COMM_CLOSED' })
    const budget = (share: number): number =>
      signal?.aborted ? 0 : Math.max(0, closeBy - clock.now() - closeTimeoutMs * (1 - share))
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop(budget(DRAIN_SHARE), signal)))
    await withTimeLimit(clock, budget(1), signal, (until) => this.#buffer.flush(until)).catch(() => undefined)
    const { messages } = this.#buffer.size
    if (messages > 0) logger.warn(`${messages} messages were not confirmed before ${this.name} was closed`)
    this.#buffer.close(closed)
    await this.#requests.close(closed)
    this.#connection.close(closed)
    await this.#adapter[Symbol.asyncDispose]()
  }

  /** Asks the broker; also red while dead letters cannot be published or a subscription has ended. Never throws. */
  async health(): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: `${this.name} is closed` }
    if (!this.#connection.wasNeeded) return { ...UP, reason: 'not used yet, so not connected' }
    const broker = await this.#adapter.health()
    const troubles = [this.#trouble.health, ...[...this.#subscriptions].map(({ trouble }) => trouble)].filter(
      (found) => found !== undefined,
    )
    const worst = worstOf([broker, ...troubles]) ?? broker
    return {
      ...worst,
      details: { ...broker.details, ...worst.details, buffered: this.#buffer.size.messages, inFlight: this.#stats.inFlight },
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new CommunicationError(`${this.name} was used after it had been closed`, { code: 'COMM_CLOSED' })
  }

  /** One try at the broker: without a connection every record is refused, for the reason why there is none. */
  readonly #send = async (records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> => {
    if (!this.#connection.isConnected) {
      try {
        await this.#connection.ready(signal)
      } catch (thrown) {
        const error = CommunicationError.from(thrown)
        return records.map(() => ({ ok: false, stored: 'no', error }))
      }
    }
    return this.#adapter.publish(records, signal)
  }

  #declare(ref: TopicRef, options: ResolvedSubscription, handling: Pick<PipelineParts, 'handler' | 'bury'>): HandlerSubscription {
    this.#checkOpen()
    checkArgument('handler', handling.handler, callable)
    const topic = isDeclared(ref) ? ref : undefined
    const topics = topic === undefined ? [ref as string | readonly string[]].flat() : [topic.name]
    checkArgument('topics', topics, atLeastOne)
    for (const name of topics) checkArgument('topic', name, topicOrPattern)
    const pattern = topics.some(isPattern)
    this.#checkSupport(topics, options, pattern)
    const { group, concurrency, lanes, ordered, from } = options
    const request = {
      topics,
      pattern,
      maxUnsettled: concurrency,
      lanes,
      ordered,
      from,
      ...(group === undefined ? undefined : { group }),
    }
    const parts = { ...this.#shared, ...handling, name: topics.join(', '), topic, options }
    const subscription = new HandlerSubscription(request, parts, this.#options.closeTimeoutMs)
    this.#subscriptions.add(subscription)
    void subscription.ended.then((error) => this.#forget(subscription, error))
    return subscription
  }

  #checkSupport(topics: readonly string[], { group }: ResolvedSubscription, pattern: boolean): void {
    const { features, system } = this.#adapter
    const missing = pattern && !features.patterns ? 'patterns' : group !== undefined && !features.groups ? 'groups' : undefined
    if (missing === undefined) return
    throw new CommunicationError(`cannot subscribe to ${topics.join(', ')}: ${system} has no ${missing}`, {
      code: 'COMM_UNSUPPORTED',
    })
  }

  async #begin(subscription: HandlerSubscription, begin: () => Promise<void>): Promise<void> {
    if (!this.#isStarted) {
      this.#declared.set(subscription, begin)
      return
    }
    try {
      await this.#connection.ready()
      await begin()
      this.#trouble.clear(subscriptionTo(subscription))
    } catch (thrown) {
      this.#subscriptions.delete(subscription)
      throw CommunicationError.from(thrown)
    }
  }

  #forget(subscription: HandlerSubscription, error: CommunicationError | undefined): void {
    this.#subscriptions.delete(subscription)
    this.#declared.delete(subscription)
    if (error === undefined) return
    const what = subscriptionTo(subscription)
    this.#trouble.report(what, 'down', `${what} was ended by the broker: ${error.message}`)
    this.#shared.logger.error(`${what} was ended by the broker`, { error })
  }
}

function subscriptionTo({ topics }: HandlerSubscription): string {
  return `the subscription to ${topics.join(', ')}`
}

const atLeastOne: Rule = { expected: 'at least one topic', accepts: (value) => Array.isArray(value) && value.length > 0 }
