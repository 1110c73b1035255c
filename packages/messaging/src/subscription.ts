import { CommunicationError, ContextScope, type Health, unlessAborted, withinLimit, withTimeLimit } from '@comm/core'
import type { Delivery, SubscribeRequest, Subscription } from './broker.ts'
import { open } from './envelope.ts'
import { List } from './list.ts'
import { contextOf, Message } from './message.ts'
import { type Outcome, RELEASE } from './outcome.ts'
import { foldPipeline } from './pipeline/fold.ts'
import type { PipelineParts, Step } from './pipeline/step.ts'
import { Trouble } from './trouble.ts'
import { type Running, watch } from './watch.ts'

/** A running subscription, as its owner sees it. Disposal is `stop()`. */
export interface MessageSubscription extends AsyncDisposable {
  /** Topics or patterns, as subscribed. */
  readonly topics: readonly string[]
  readonly group: string | undefined
  /** Messages being handled, those that wait for a retry in process included. */
  readonly inFlight: number
  /** Resolves when messages flow: at once, unless the client connects on `start()`. */
  readonly ready: Promise<void>
  /** With the error when the broker ended it for good, with undefined after a stop. */
  readonly ended: Promise<CommunicationError | undefined>
  /** Takes no more messages; those being handled go on, those that wait for a retry in process go back to the broker. Idempotent. */
  stopIntake(): Promise<void>
  /**
   * Stops intake, lets handlers finish, leaves the group. Handlers that still run after `timeoutMs` see their signal abort, and their
   * messages go back to the broker. Idempotent. Awaited inside its own handler it waits for that handler, so do not.
   * @param timeoutMs default: the client's closeTimeoutMs
   */
  stop(timeoutMs?: number): Promise<void>
}

/** Beyond a stop's time: for handlers that heed their signal, and for the broker's answer. */
const ABORT_GRACE_MS = 100
/** For a silent subscription to end at the broker. */
const GIVE_UP_MS = 5000

export class HandlerSubscription implements MessageSubscription, Running {
  /** For messages to people. */
  readonly name: string
  readonly topics: readonly string[]
  readonly group: string | undefined
  readonly ended: Promise<CommunicationError | undefined>
  /** Deliveries since it began. */
  received = 0
  readonly #parts: PipelineParts
  readonly #request: SubscribeRequest
  readonly #stopTimeoutMs: number
  readonly #pipeline: Step
  /** `outside`, and so that the log lines of every step carry the message's correlation id. */
  readonly #scope: ContextScope
  readonly #messages = new List<Message>()
  readonly #stopping = new AbortController()
  #readyGate = gate()
  readonly #endedGate = Promise.withResolvers<CommunicationError | undefined>()
  #idle: PromiseWithResolvers<void> | undefined
  /** The answer that those who were settled last wait for together. */
  #settling: Promise<unknown> | undefined
  #together: Message[] = []
  #subscription: Subscription | undefined
  /** How often it was begun. */
  #turn = 0
  #beginning: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  /** @param parts all but what is this subscription's own */
  constructor(request: SubscribeRequest, parts: Omit<PipelineParts, 'stopping' | 'trouble'>, stopTimeoutMs: number) {
    this.name = `the subscription to ${request.topics.join(', ')}`
    this.topics = request.topics
    this.group = request.group
    this.#request = request
    this.#parts = { ...parts, stopping: this.#stopping.signal, trouble: new Trouble() }
    this.#stopTimeoutMs = stopTimeoutMs
    this.#pipeline = foldPipeline(this.#parts)
    this.#scope = parts.outside(() => new ContextScope())
    this.ended = this.#endedGate.promise
  }

  get ready(): Promise<void> {
    return this.#readyGate.promise
  }

  get inFlight(): number {
    return this.#messages.size
  }

  /** What keeps it from settling messages. */
  get trouble(): Health | undefined {
    return this.#parts.trouble.health
  }

  /** Subscribed at the broker. */
  get isOpen(): boolean {
    return this.#subscription !== undefined
  }

  /** Aborts when it takes no more. */
  get stopping(): AbortSignal {
    return this.#stopping.signal
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Subscribes at the broker, once; after it was refused, a call tries again. @throws CommunicationError when the broker refuses */
  begin(): Promise<void> {
    this.#beginning ??= this.#begin().then(this.#readyGate.resolve, (thrown: unknown) => {
      const error = CommunicationError.from(thrown)
      this.#readyGate.reject(error)
      this.#readyGate = gate()
      this.#beginning = undefined
      throw error
    })
    return this.#beginning
  }

  async #begin(): Promise<void> {
    if (this.isStopping) return
    await this.#open()
    if (!this.isStopping) watch(this, this.#parts, this.#request.pattern ?? false)
  }

  async #open(): Promise<void> {
    const turn = ++this.#turn
    const onDelivery = (delivery: Delivery): void => {
      if (turn === this.#turn) this.#receive(delivery)
      // From a subscription that fell silent and was given up.
      else void delivery.settle('requeue')
    }
    const subscription = await this.#parts.outside(() => this.#parts.subscribe(this.#request, onDelivery))
    this.#subscription = subscription
    void subscription.ended.then((error) => {
      if (this.#subscription === subscription) this.#endedGate.resolve(error)
    })
    // Stopped meanwhile: nobody will dispose of it later.
    if (this.isStopping) await subscription[Symbol.asyncDispose]()
  }

  /**
   * Messages that its group has not settled, in all its topics; of those only what waits for this member, where it is known whom each is
   * for. @throws CommunicationError when the broker cannot be asked
   */
  async lag(): Promise<number> {
    const { admin } = this.#parts
    const { group, topics } = this
    if (this.#subscription?.lag !== undefined) return this.#subscription.lag()
    if (admin === undefined || group === undefined) return 0
    const lags = await Promise.all(topics.map((topic) => admin.lag(topic, group)))
    return lags.reduce((sum, lag) => sum + lag, 0)
  }

  /** Ends it at the broker and begins anew. @throws CommunicationError when the broker refuses */
  async reopen(): Promise<void> {
    const { clock, trouble } = this.#parts
    const silent = this.#subscription
    this.#subscription = undefined
    // What has fallen silent may not answer that either.
    await withTimeLimit(clock, GIVE_UP_MS, undefined, (limit) =>
      unlessAborted(Promise.resolve(silent?.[Symbol.asyncDispose]()), limit),
    ).catch(() => undefined)
    try {
      await this.#open()
      trouble.clear(this.name)
    } catch (thrown) {
      const error = CommunicationError.from(thrown)
      trouble.report(this.name, 'down', `${this.name} could not be begun anew: ${error.message}`)
      throw error
    }
  }

  readonly #receive = (delivery: Delivery): void => {
    this.received++
    // It will be delivered again, here or elsewhere.
    if (delivery.lost.aborted) return
    const message = this.#messageOf(delivery)
    this.#messages.push(message)
    const outcome = this.#scope.run(contextOf(message), this.#pipeline, message)
    if (outcome instanceof Promise) void outcome.then(() => this.#whenSettled(message))
    else this.#whenSettled(message)
  }

  /** What is settled in one go often has one answer of the broker, which is waited for once. */
  #whenSettled(message: Message): void {
    const { settling } = message
    if (settling === undefined) return this.#over(message)
    if (settling === this.#settling) {
      this.#together.push(message)
      return
    }
    const together = [message]
    this.#settling = settling
    this.#together = together
    const over = (): void => {
      if (this.#together === together) this.#settling = undefined
      for (const each of together) this.#over(each)
    }
    settling.then(over, over)
  }

  #over(message: Message): void {
    this.#messages.remove(message)
    if (this.#messages.size > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  #messageOf(delivery: Delivery): Message {
    const { clock, features } = this.#parts
    try {
      return new Message(delivery, this.group, open(features, delivery), clock.wall())
    } catch (thrown) {
      const message = new Message(delivery, this.group, delivery, clock.wall())
      message.undecodable = CommunicationError.from(thrown)
      return message
    }
  }

  /** Resolves when no message is in the pipeline. */
  get idle(): Promise<void> {
    if (this.#messages.size === 0) return Promise.resolve()
    this.#idle ??= Promise.withResolvers()
    return this.#idle.promise
  }

  /** Ends running handlers: their signals abort. @param id only the message of this id */
  abort(reason: unknown, outcome: Outcome, id?: string): void {
    for (const message of [...this.#messages]) {
      if (id === undefined || message.id === id) message.abort(reason, outcome)
    }
  }

  async stopIntake(): Promise<void> {
    if (!this.isStopping) this.#stopping.abort(new CommunicationError('the subscription was stopped', { code: 'COMM_CLOSED' }))
    await this.#subscription?.stopIntake()
  }

  /** @param signal ends the time for handlers early */
  stop(timeoutMs: number = this.#stopTimeoutMs, signal?: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(timeoutMs, signal)
    return this.#stopped
  }

  async #stop(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#parts
    const stopBy = clock.now() + timeoutMs
    const left = (): number => stopBy - clock.now()
    await this.#within(left(), this.stopIntake())
    if (!(await this.#idleWithin(left(), signal))) {
      const reason = new CommunicationError(`the handler did not finish in the time that the stop gave it`, {
        code: 'COMM_ABORTED',
      })
      this.abort(reason, RELEASE)
      await this.#idleWithin(ABORT_GRACE_MS)
    }
    await this.#within(left(), this.#subscription?.[Symbol.asyncDispose]())
    this.#readyGate.resolve()
    this.#endedGate.resolve(undefined)
  }

  /** A broker that does not answer is not waited for longer: what was begun ends by itself. */
  async #within(ms: number, done: PromiseLike<void> | undefined): Promise<void> {
    await withinLimit(this.#parts.clock, Math.max(ABORT_GRACE_MS, ms), Promise.resolve(done))
  }

  async #idleWithin(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#messages.size === 0) return true
    if (ms <= 0) return false
    return withTimeLimit(this.#parts.clock, ms, signal, (limit) => unlessAborted(this.idle, limit)).then(
      () => true,
      () => false,
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** Whoever waits for it sees a rejection; nobody has to. */
function gate(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>()
  made.promise.catch(() => undefined)
  return made
}
