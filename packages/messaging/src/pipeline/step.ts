import type { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock, CommunicationError, Logger, MessageGuard } from '@comm/core'
import type { BrokerAdapter, BrokerAdmin, BrokerFeatures, OutboundRecord } from '../broker.ts'
import type { Codecs } from '../codec.ts'
import type { ManualMeta, Message, MessageMeta } from '../message.ts'
import type { MessagingStats } from '../observe/stats.ts'
import type { ResolvedSubscription } from '../options/subscribe-options.ts'
import type { Outcome } from '../outcome.ts'
import type { Topic } from '../topic.ts'
import type { Trouble } from '../trouble.ts'

/**
 * One layer of the message pipeline. It never rejects: a failure is an outcome. It answers with a promise only when something has to be
 * waited for, so that a message whose handler does not wait passes in one go.
 */
export type Step = (message: Message) => Outcome | Promise<Outcome>

/** Goes on with what a step answered, at once when it is there. */
export function andThen<Value, Result>(
  answer: Value | Promise<Value>,
  goOn: (value: Value) => Result | Promise<Result>,
): Result | Promise<Result> {
  return answer instanceof Promise ? answer.then(goOn) : goOn(answer)
}

/**
 * Handles one message. What it returns means "done", except for what `retryAfter` and `deadLetter` make; what it throws is a failed
 * attempt. It may see a message again after a crash or a lost connection.
 */
export type Handler<Body = unknown> = (body: Body, meta: MessageMeta) => unknown

/** A handler of a subscription with `ack: 'manual'`. What it throws is a failed attempt, unless its verdict came before. */
export type ManualHandler<Body = unknown> = (body: Body, meta: ManualMeta) => unknown

/** Everything that the steps of one subscription's pipeline share. */
export interface PipelineParts {
  /** What was subscribed to, for messages and spans: a topic, a pattern, or several. */
  readonly name: string
  readonly topic: Topic | undefined
  readonly options: ResolvedSubscription
  readonly handler: Handler
  readonly system: string
  readonly features: BrokerFeatures
  readonly codecs: Codecs
  readonly guards: readonly MessageGuard[]
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly stats: MessagingStats
  readonly trouble: Trouble
  /** Aborts when the subscription takes no more: whoever only waits gives the message back then. */
  readonly stopping: AbortSignal
  /**
   * Runs a function in the async context that the client was made in: a handler belongs to its message, not to whoever subscribed,
   * connected or, in memory, published.
   */
  readonly outside: ReturnType<typeof AsyncLocalStorage.snapshot>
  readonly admin: BrokerAdmin | undefined
  readonly subscribe: BrokerAdapter['subscribe']
  /** Resolves when the broker has confirmed. */
  publish(record: OutboundRecord): Promise<void>
  /** Takes the place of the dead-letter topic: a responder answers with the error instead. Never rejects. */
  readonly bury?: (message: Message, error: CommunicationError) => Promise<void>
}
