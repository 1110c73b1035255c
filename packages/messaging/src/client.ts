import { CommunicationError, type Component, type Health, pause, UP, unlessAborted, withTimeLimit } from '@comm/core'
import { callable, checkArgument, withDefaults } from '@comm/core/options'
import { assemble, type ClientParts } from './assemble.ts'
import type { BrokerAdapter } from './broker.ts'
import type { Waiter } from './buffer/entry.ts'
import { DeadLetters } from './dead-letters.ts'
import type { MessagingStats } from './observe/stats.ts'
import { CLIENT_DEFAULTS, checkClientOptions, type MessageClientOptions } from './options/client-options.ts'
import type { PublishOptions } from './options/publish-options.ts'
import { maybeSignal } from './options/rules.ts'
import { type RespondOptions, resolveResponder, resolveSubscription, type SubscribeOptions } from './options/subscribe-options.ts'
import type { Handler, ManualHandler } from './pipeline/step.ts'
import { type PublishOutcome, PublishOutcomes } from './publish-outcomes.ts'
import type { RequestOptions } from './request-reply.ts'
import { listenForCancels, RESPONDERS, responder } from './responder.ts'
import type { MessageSubscription } from './subscription.ts'
import { isDeclared, nameOf, portableName, type Topic, type TopicRef, validate } from './topic.ts'
import { worstOf } from './trouble.ts'

/** When handlers, and then the buffer, have had their share of `closeTimeoutMs`; the rest is for disconnecting. */
const DRAINED_AT = 0.8
const FLUSHED_AT = 0.9
/** For disconnecting, though the time is over: what is not settled goes back to the broker then. */
const LEAST_DISCONNECT_MS = 250

/**
 * Publishes, subscribes, asks and answers over one broker. Everything but moving bytes happens here, so it is the same with every
 * adapter. It connects when it is first used, reconnects by itself, and drains when it is closed.
 */
export class MessageClient implements Component, AsyncDisposable {
  readonly name: string
  readonly #adapter: BrokerAdapter
  readonly #options: typeof CLIENT_DEFAULTS & MessageClientOptions
  readonly #parts: ClientParts
  #closing: Promise<void> | undefined

  /** @throws ConfigurationError */
  constructor(adapter: BrokerAdapter, options: MessageClientOptions = {}) {
    checkClientOptions(options)
    const resolved = withDefaults(CLIENT_DEFAULTS, options)
    this.name = resolved.name
    this.#adapter = adapter
    this.#options = resolved
    this.#parts = assemble(adapter, resolved)
  }

  /** Counts since the client was made. */
  get stats(): Readonly<MessagingStats> {
    return { ...this.#parts.stats }
  }

  /** Messages accepted for publishing and not confirmed yet. */
  get buffered(): { readonly messages: number; readonly bytes: number } {
    return this.#parts.buffer.size
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
          () => this.#parts.publisher.send(name, body, options, waiter),
          (thrown: unknown) => waiter.failed(CommunicationError.from(thrown)),
        )
      } else this.#parts.publisher.send(name, body, options, waiter)
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
   * Topics and patterns of one subscription must not overlap: each message is handled once.
   * @throws ConfigurationError; CommunicationError when the broker refuses, or cannot do what the options ask (COMM_UNSUPPORTED)
   */
  subscribe<Output>(
    topic: Topic<unknown, Output>,
    handler: ManualHandler<Output>,
    options: SubscribeOptions & { readonly ack: 'manual' },
  ): Promise<MessageSubscription>
  subscribe<Body = unknown>(
    topic: string | readonly string[],
    handler: ManualHandler<Body>,
    options: SubscribeOptions & { readonly ack: 'manual' },
  ): Promise<MessageSubscription>
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
  async subscribe(
    topic: TopicRef,
    handler: Handler<never> | ManualHandler<never>,
    options: SubscribeOptions = {},
  ): Promise<MessageSubscription> {
    this.#checkOpen()
    const resolved = resolveSubscription(options, this.#options.group)
    const subscription = this.#parts.subscriptions.declare(topic, resolved, { handler: handler as Handler })
    await this.#parts.subscriptions.begin(subscription)
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
    return this.#parts.requests.request(name, body, options)
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
    this.#checkOpen()
    const { guards = [] } = this.#options
    const { clock } = this.#parts
    const resolved = resolveResponder(options, this.#options.group ?? RESPONDERS)
    const handling = responder(respond as Handler, this.#parts.publisher, this.#parts.logger)
    const subscription = this.#parts.subscriptions.declare(topic, resolved, handling)
    await this.#parts.subscriptions.begin(subscription, async () => {
      await subscription.begin()
      const cancels = await listenForCancels(this.#adapter, name, subscription, { clock, guards })
      void subscription.ended.then(() => cancels[Symbol.asyncDispose]())
    })
    return subscription
  }

  /** The dead letters of a topic for the group that could not handle them. @param group default: the client's */
  deadLetters(topic: string | Topic, group: string | undefined = this.#options.group): DeadLetters {
    const name = nameOf(topic)
    checkArgument('group of the dead letters', group, portableName)
    return new DeadLetters(name, group as string, { adapter: this.#adapter, ...this.#parts })
  }

  /**
   * Connects, and starts the subscriptions declared before. Needed only with `connectOn: 'start'`, or to fail early.
   * @throws CommunicationError why there is no connection; the signal's reason
   */
  async start(signal?: AbortSignal): Promise<void> {
    this.#checkOpen()
    checkArgument('start signal', signal, maybeSignal)
    this.#parts.subscriptions.allow()
    this.#parts.connection.allow()
    await this.#parts.connection.ready(signal)
    await this.#parts.subscriptions.start()
  }

  /** Takes no more messages; publishes and running handlers go on. Idempotent. */
  async stopIntake(): Promise<void> {
    await Promise.all([...this.#parts.subscriptions].map((subscription) => subscription.stopIntake()))
  }

  /** Resolves when no handler runs. @throws the signal's reason */
  async drain(signal?: AbortSignal): Promise<void> {
    checkArgument('drain signal', signal, maybeSignal)
    await unlessAborted(Promise.all([...this.#parts.subscriptions].map(({ idle }) => idle)), signal)
  }

  /** Resolves when everything published is confirmed or has failed. @throws the signal's reason */
  async flush(signal?: AbortSignal): Promise<void> {
    checkArgument('flush signal', signal, maybeSignal)
    await unlessAborted(this.#parts.publisher.guarded, signal)
    await this.#parts.buffer.flush(signal)
  }

  /**
   * Stops intake, lets handlers finish, empties the buffer, disconnects; what does not end within `closeTimeoutMs`, or before the signal
   * aborts, is given back to the broker or fails with COMM_CLOSED. A disconnect that takes longer goes on by itself. Idempotent; works while
   * disconnected.
   */
  async close(signal?: AbortSignal): Promise<void> {
    checkArgument('close signal', signal, maybeSignal)
    this.#closing ??= this.#close(signal)
    return this.#closing
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const { closeTimeoutMs } = this.#options
    const { buffer, clock, connection, logger, requests, subscriptions } = this.#parts
    const closeBy = clock.now() + closeTimeoutMs
    const closed = new CommunicationError(`${this.name} was closed`, { code: 'COMM_CLOSED' })
    const budget = (share = 1): number =>
      signal?.aborted ? 0 : Math.max(0, closeBy - clock.now() - closeTimeoutMs * (1 - share))
    await Promise.all([...subscriptions].map((subscription) => subscription.stop(budget(DRAINED_AT), signal)))
    await withTimeLimit(clock, budget(FLUSHED_AT), signal, (until) => this.flush(until)).catch(() => undefined)
    const { messages } = buffer.size
    if (messages > 0) logger.warn(`${messages} messages were not confirmed before ${this.name} was closed`)
    buffer.close(closed)
    connection.close(closed)
    const gone = new AbortController()
    // Replies may still be waited for to be subscribed to: the adapter's end is the end of that, too.
    const leaving = Promise.all([requests.close(closed), this.#adapter[Symbol.asyncDispose]()]).finally(() => gone.abort())
    leaving.catch(() => undefined)
    const interrupts = signal === undefined || signal.aborted ? [] : [signal]
    await pause(clock, Math.max(LEAST_DISCONNECT_MS, budget()), gone.signal, ...interrupts)
    if (gone.signal.aborted) await leaving
    else logger.warn(`${this.name} was closed before it had disconnected`)
  }

  /** Asks the broker; also red while dead letters cannot be published or a subscription has ended. Never throws. */
  async health(): Promise<Health> {
    if (this.#closing !== undefined) return { status: 'down', reason: `${this.name} is closed` }
    if (!this.#parts.connection.wasNeeded) return { ...UP, reason: 'not used yet, so not connected' }
    const { buffer, stats, subscriptions } = this.#parts
    const broker = await this.#adapter.health()
    const worst = worstOf([broker, ...subscriptions.troubles]) ?? broker
    return {
      ...worst,
      details: { ...broker.details, ...worst.details, buffered: buffer.size.messages, inFlight: stats.inFlight },
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new CommunicationError(`${this.name} was used after it had been closed`, { code: 'COMM_CLOSED' })
  }
}
