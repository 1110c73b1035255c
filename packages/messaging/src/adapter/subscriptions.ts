import { type CommunicationError, matchesTopic } from '@comm/core'
import type { SubscribeRequest } from '../broker.ts'
import { type LinkConsumer, type ReopeningParts, ReopeningSubscription } from './reopening-subscription.ts'

/** The subscriptions of one adapter, which share the fate of its connection. */
export class Subscriptions<Link, Consumer extends LinkConsumer> {
  readonly #parts: Omit<ReopeningParts<Link, Consumer>, 'onOver' | 'makeConsumer'>
  readonly #all = new Set<ReopeningSubscription<Link, Consumer>>()

  constructor(parts: Omit<ReopeningParts<Link, Consumer>, 'onOver' | 'makeConsumer'>) {
    this.#parts = parts
  }

  /** Why one of them does not consume as it should. */
  get trouble(): string | undefined {
    for (const { trouble } of this.#all) if (trouble !== undefined) return trouble
    return undefined
  }

  /** Whether one of them gets what is published to this topic for this group. */
  cover(topic: string, group: string): boolean {
    return [...this.#all].some(({ request }) => {
      const { topics, pattern } = request
      return request.group === group && (pattern ? topics.some((each) => matchesTopic(each, topic)) : topics.includes(topic))
    })
  }

  [Symbol.iterator](): Iterator<ReopeningSubscription<Link, Consumer>> {
    return this.#all.values()
  }

  /** Resolves when deliveries flow. @throws CommunicationError why not; nothing is left then */
  async begin(
    request: SubscribeRequest,
    link: Link,
    makeConsumer: ReopeningParts<Link, Consumer>['makeConsumer'],
  ): Promise<ReopeningSubscription<Link, Consumer>> {
    const subscription: ReopeningSubscription<Link, Consumer> = new ReopeningSubscription(request, {
      ...this.#parts,
      makeConsumer,
      onOver: () => this.#all.delete(subscription),
    })
    this.#all.add(subscription)
    try {
      await subscription.open(link)
    } catch (error) {
      await subscription[Symbol.asyncDispose]()
      throw error
    }
    return subscription
  }

  /** The connection is gone. */
  lose(reason: CommunicationError): void {
    for (const subscription of this.#all) subscription.lose(reason)
  }

  /** The connection is back. */
  resume(): void {
    for (const subscription of this.#all) subscription.resume()
  }

  /** @param reason what ends their deliveries */
  async end(reason: CommunicationError): Promise<void> {
    await Promise.all([...this.#all].map((subscription) => subscription.end(undefined, reason)))
  }
}
