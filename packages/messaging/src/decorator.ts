import { ConfigurationError } from '@comm/core'
import { callable, checkArgument, either, object, withMethods } from '@comm/core/options'
import type { MessageClient } from './client.ts'
import type { ManualMeta, MessageMeta } from './message.ts'
import type { SubscribeOptions } from './options/subscribe-options.ts'
import type { Handler } from './pipeline/step.ts'
import type { MessageSubscription } from './subscription.ts'
import { isDeclared, type Topic, type TopicRef } from './topic.ts'

/** A decorator (TC39, standard) for a method that takes a body and what is known of its message. */
export type SubscribeDecorator<Body, Meta extends MessageMeta> = <
  This,
  Method extends (this: This, body: Body, meta: Meta) => unknown,
>(
  method: Method,
  context: ClassMethodDecoratorContext<This, Method>,
) => void

interface Declared {
  readonly method: string | symbol
  readonly topic: TopicRef
  readonly options: SubscribeOptions
  /** The method as it is when a message comes, a subclass's own included. */
  readonly handler: Handler
}

/** By instance; by class for static methods. */
const declared = new WeakMap<object, Declared[]>()

/**
 * Declares that a method handles the messages of a topic, of several, or of a pattern; `subscribeAll` begins it for an instance. A method
 * may handle several topics.
 *
 * ```ts
 * class Mailer {
 *   @subscribe('user.created', { group: 'mail' })
 *   async welcome(user: { email: string }) { … }
 * }
 * await subscribeAll(client, new Mailer())
 * ```
 *
 * Node does not run decorators: compile with TypeScript 5 (without `experimentalDecorators`), swc or esbuild.
 */
export function subscribe<Output>(
  topic: Topic<unknown, Output>,
  options: SubscribeOptions & { readonly ack: 'manual' },
): SubscribeDecorator<Output, ManualMeta>
export function subscribe(
  topic: string | readonly string[],
  options: SubscribeOptions & { readonly ack: 'manual' },
): SubscribeDecorator<never, ManualMeta>
export function subscribe<Output>(
  topic: Topic<unknown, Output>,
  options?: SubscribeOptions,
): SubscribeDecorator<Output, MessageMeta>
export function subscribe(topic: string | readonly string[], options?: SubscribeOptions): SubscribeDecorator<never, MessageMeta>
export function subscribe(topic: TopicRef, options: SubscribeOptions = {}): SubscribeDecorator<never, never> {
  return (method, { name, private: isPrivate, addInitializer }) => {
    addInitializer(function (this: unknown) {
      const owner = this as Record<string | symbol, Handler>
      const handler: Handler = (body, meta) =>
        (isPrivate ? (method as unknown as Handler) : (owner[name] as Handler)).call(owner, body, meta)
      const all = declared.get(owner) ?? []
      declared.set(owner, all)
      all.push({ method: name, topic, options, handler })
    })
  }
}

/**
 * Subscribes a client to all that the `subscribe` decorators of an instance declare (of a class: those of its static methods). All or
 * none: when one is refused, those that have begun are stopped.
 * @throws ConfigurationError when nothing is declared; what `client.subscribe` throws
 */
export async function subscribeAll(
  client: Pick<MessageClient, 'subscribe'>,
  owner: object,
): Promise<readonly MessageSubscription[]> {
  checkArgument('subscribeAll client', client, withMethods('a client', 'subscribe'))
  checkArgument('subscribeAll owner', owner, either(object, callable))
  const all = effective(declared.get(owner) ?? [])
  if (all.length === 0) {
    const name = typeof owner === 'function' ? `class ${owner.name}` : `an instance of ${owner.constructor.name}`
    throw new ConfigurationError(`subscribeAll got ${name}, none of whose methods has a @subscribe decorator`)
  }
  const begun = await Promise.allSettled(all.map(({ topic, handler, options }) => begin(client, topic, handler, options)))
  const subscriptions = begun.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const refused = begun.find((each) => each.status === 'rejected')
  if (refused === undefined) return subscriptions
  await Promise.all(subscriptions.map((subscription) => subscription.stop()))
  throw refused.reason
}

/** A subclass that declares the same topic for the same method takes the place of its superclass, which was initialized before. */
function effective(all: readonly Declared[]): readonly Declared[] {
  const isAgain = (one: Declared, other: Declared): boolean =>
    one.method === other.method && namesOf(one.topic) === namesOf(other.topic)
  return all.filter((each, at) => !all.slice(at + 1).some((later) => isAgain(each, later)))
}

function namesOf(topic: TopicRef): string {
  return isDeclared(topic) ? topic.name : [topic].flat().join(' ')
}

function begin(
  client: Pick<MessageClient, 'subscribe'>,
  topic: TopicRef,
  handler: Handler,
  options: SubscribeOptions,
): Promise<MessageSubscription> {
  return isDeclared(topic) ? client.subscribe(topic, handler, options) : client.subscribe(topic, handler, options)
}
