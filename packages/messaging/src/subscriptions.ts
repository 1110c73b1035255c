import { CommunicationError, type Health, patternsOverlap, topicWords } from '@comm/core'
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
  #starting: Promise<void> | undefined

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

  /** @throws ConfigurationError; CommunicationError COMM_UNSUPPORTED; what a guard throws */
  declare(ref: TopicRef, options: ResolvedSubscription, handling: Pick<PipelineParts, 'handler' | 'bury'>): HandlerSubscription {
    checkArgument('handler', handling.handler, callable)
    const topic = isDeclared(ref) ? ref : undefined
    const topics = topic === undefined ? [ref as string | readonly string[]].flat() : [topic.name]
    checkArgument('topics', topics, atLeastOne)
    for (const name of topics) checkArgument('topic', name, topicOrPattern)
    checkArgument('topics', topics, withoutOverlap)
    const pattern = topics.some(isPattern)
    this.#checkSupport(topics, options, pattern)
    for (const guard of this.#parts.shared.guards) guard.subscribing?.(topics, pattern)
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

  /** Begins those that waited; those that cannot begin wait for the next call. @throws CommunicationError when the broker refuses one */
  start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  async #start(): Promise<void> {
    const begun = [...this.#declared].map(async ([subscription, begin]) => {
      await begin()
      this.#declared.delete(subscription)
    })
    const refused = (await Promise.allSettled(begun)).find((each) => each.status === 'rejected')
    if (refused !== undefined) throw CommunicationError.from(refused.reason)
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

/** Brokers differ in how often they would deliver what two of them match. */
const withoutOverlap: Rule = {
  expected: 'topics and patterns none of which matches what another one matches (make them subscriptions of their own)',
  accepts(value) {
    const topics = value as readonly string[]
    const overlap = (one: string, other: string): boolean => patternsOverlap(topicWords(one), topicWords(other))
    const patterns = topics.filter(isPattern)
    return (
      new Set(topics).size === topics.length &&
      patterns.every((pattern) => topics.every((other) => other === pattern || !overlap(pattern, other)))
    )
  },
}
