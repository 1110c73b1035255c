import { CommunicationError, type Health } from '@comm/core'
import { callable, checkArgument, type Rule } from '@comm/core/options'
import type { Connection } from './connection.ts'
import type { ResolvedSubscription } from './options/subscribe-options.ts'
import type { PipelineParts } from './pipeline/step.ts'
import { HandlerSubscription } from './subscription.ts'
import { isDeclared, isPattern, type TopicRef, topicOrPattern } from './topic.ts'
import { Trouble } from './trouble.ts'

export interface SubscriptionsParts {
  readonly connection: Connection
  /** What every pipeline of the client shares. */
  readonly shared: Omit<PipelineParts, 'stopping' | 'trouble' | 'name' | 'topic' | 'options' | 'handler' | 'bury'>
  readonly stopTimeoutMs: number
  /** Subscriptions wait for `start()`. */
  readonly waitForStart: boolean
}

/** The subscriptions of a client, from their declaration to their end. */
export class Subscriptions implements Iterable<HandlerSubscription> {
  readonly #parts: SubscriptionsParts
  readonly #all = new Set<HandlerSubscription>()
  /** How to begin those that wait for `start()`. */
  readonly #declared = new Map<HandlerSubscription, () => Promise<void>>()
  /** Those that the broker ended. */
  readonly #trouble = new Trouble()
  #isStarted: boolean

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts
    this.#isStarted = !parts.waitForStart
  }

  [Symbol.iterator](): Iterator<HandlerSubscription> {
    return this.#all.values()
  }

  /** What keeps some of them from their work. */
  get troubles(): readonly Health[] {
    const all = [this.#trouble.health, ...[...this.#all].map(({ trouble }) => trouble)]
    return all.filter((found) => found !== undefined)
  }

  /** @throws ConfigurationError; CommunicationError COMM_UNSUPPORTED */
  declare(ref: TopicRef, options: ResolvedSubscription, handling: Pick<PipelineParts, 'handler' | 'bury'>): HandlerSubscription {
    checkArgument('handler', handling.handler, callable)
    const topic = isDeclared(ref) ? ref : undefined
    const topics = topic === undefined ? [ref as string | readonly string[]].flat() : [topic.name]
    checkArgument('topics', topics, atLeastOne)
    for (const name of topics) checkArgument('topic', name, topicOrPattern)
    const pattern = topics.some(isPattern)
    this.#checkSupport(topics, options, pattern)
    const { group, concurrency, lanes, ordered, from } = options
    const ofGroup = group === undefined ? undefined : { group }
    const request = { topics, pattern, maxUnsettled: concurrency, lanes, ordered, from, ...ofGroup }
    const parts = { ...this.#parts.shared, ...handling, name: topics.join(', '), topic, options }
    const subscription = new HandlerSubscription(request, parts, this.#parts.stopTimeoutMs)
    this.#all.add(subscription)
    void subscription.ended.then((error) => this.#forget(subscription, error))
    return subscription
  }

  /**
   * Begins a subscription, now or with `start()`.
   * @param begin default: what the subscription itself does
   * @throws CommunicationError when the broker refuses
   */
  async begin(subscription: HandlerSubscription, begin: () => Promise<void> = () => subscription.begin()): Promise<void> {
    if (!this.#isStarted) {
      this.#declared.set(subscription, begin)
      return
    }
    try {
      await this.#parts.connection.ready()
      await begin()
      this.#trouble.clear(subscription.name)
    } catch (thrown) {
      // A part of it may have begun.
      await subscription.stop(0)
      throw CommunicationError.from(thrown)
    }
  }

  /** Later ones begin at once. */
  allow(): void {
    this.#isStarted = true
  }

  /** Begins those that waited. @throws CommunicationError when the broker refuses one */
  async start(): Promise<void> {
    const declared = [...this.#declared.values()]
    this.#declared.clear()
    await Promise.all(declared.map((begin) => begin()))
  }

  #checkSupport(topics: readonly string[], { group }: ResolvedSubscription, pattern: boolean): void {
    const { features, system } = this.#parts.shared
    const missing = pattern && !features.patterns ? 'patterns' : group !== undefined && !features.groups ? 'groups' : undefined
    if (missing === undefined) return
    throw new CommunicationError(`cannot subscribe to ${topics.join(', ')}: ${system} has no ${missing}`, {
      code: 'COMM_UNSUPPORTED',
    })
  }

  #forget(subscription: HandlerSubscription, error: CommunicationError | undefined): void {
    this.#all.delete(subscription)
    this.#declared.delete(subscription)
    if (error === undefined) return
    const { name } = subscription
    this.#trouble.report(name, 'down', `${name} was ended by the broker: ${error.message}`)
    this.#parts.shared.logger.error(`${name} was ended by the broker`, { error })
  }
}

const atLeastOne: Rule = { expected: 'at least one topic', accepts: (value) => Array.isArray(value) && value.length > 0 }
