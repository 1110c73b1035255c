import { randomUUID } from 'node:crypto'
import {
  type Clock,
  CommunicationError,
  ConsumeError,
  currentContext,
  type Logger,
  type MessageGuard,
  TimeoutError,
} from '@comm/core'
import { checkOptions, nonEmptyText } from '@comm/core/options'
import { standardSchema } from '@comm/core/schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { BrokerAdapter, Delivery, Subscription } from './broker.ts'
import type { Codecs } from './codec.ts'
import type { Connection } from './connection.ts'
import { open } from './envelope.ts'
import { CONTENT_TYPE, IN_REPLY_TO, REPLY_STATUS, REPLY_TO, textOf } from './headers.ts'
import { Message } from './message.ts'
import { userHeaders } from './options/publish-options.ts'
import { abortSignal, positiveMs } from './options/rules.ts'
import { passOutside } from './pipeline/admit.ts'
import type { Publisher } from './publisher.ts'
import { errorOfReply } from './remote-error.ts'
import { validate } from './topic.ts'

export interface RequestOptions<Reply = unknown> {
  /** How long to wait for the reply; the responder is told. @default the client's requestTimeoutMs */
  readonly timeoutMs?: number
  /** Gives up waiting; the responder's signal aborts. */
  readonly signal?: AbortSignal
  /** What the reply must be. @default anything */
  readonly reply?: StandardSchemaV1<unknown, Reply>
  readonly key?: string
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
  readonly correlationId?: string
  readonly contentType?: string
}

/** Where a responder hears that a requester has given up. */
export function cancelTopic(topic: string): string {
  return `${topic}.cancel`
}

export interface RequestsParts {
  readonly adapter: BrokerAdapter
  readonly connection: Connection
  readonly publisher: Publisher
  readonly codecs: Codecs
  readonly guards: readonly MessageGuard[]
  readonly clock: Clock
  readonly logger: Logger
  readonly timeoutMs: number
}

interface Waiting {
  readonly topic: string
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: CommunicationError) => void
}

/** Replies handed over and not yet looked at; they are settled at once, so it only bounds a burst. */
const REPLY_CREDITS = 1000

/** The asking side of request/reply: one reply topic per client, subscribed to at the first request. */
export class Requests {
  readonly #parts: RequestsParts
  readonly #replyTopic = `reply.${randomUUID()}`
  readonly #waiting = new Map<string, Waiting>()
  #subscribing: Promise<Subscription> | undefined

  constructor(parts: RequestsParts) {
    this.#parts = parts
  }

  /**
   * @throws what the responder threw, as an error of its code; COMM_UNROUTABLE when there is none; TimeoutError when it did not answer
   *   in time; COMM_ABORTED
   */
  async request<Reply>(topic: string, body: unknown, options: RequestOptions<Reply>): Promise<Reply> {
    checkOptions<RequestOptions<Reply>>('request', options, {
      timeoutMs: positiveMs,
      signal: abortSignal,
      reply: standardSchema,
      key: nonEmptyText,
      headers: userHeaders,
      correlationId: nonEmptyText,
      contentType: nonEmptyText,
    })
    const { timeoutMs: askedMs = this.#parts.timeoutMs, signal, reply: schema, ...passed } = options
    const outer = currentContext()
    const outerMs = (outer?.deadlineAt ?? Number.POSITIVE_INFINITY) - this.#parts.clock.now()
    const timeoutMs = Math.min(askedMs, outerMs)
    const late = new TimeoutError(`${topic} did not answer within ${Math.max(0, Math.round(timeoutMs))} ms`, {
      code: outerMs < askedMs ? 'COMM_DEADLINE_EXCEEDED' : 'COMM_TIMEOUT',
      details: { limit: outerMs < askedMs ? 'deadline of the caller' : 'timeoutMs', limitMs: timeoutMs },
    })
    if (timeoutMs <= 0) throw late
    const signals = [signal, outer?.signal].filter((given) => given !== undefined)
    const aborted = signals.find((given) => given.aborted)
    if (aborted !== undefined) throw givenUp(topic, aborted.reason)
    const reply = await this.#exchange(topic, body, passed, timeoutMs, late, signals)
    return schema === undefined ? (reply as Reply) : validate({ name: `${topic} (reply)`, schema }, reply)
  }

  async #exchange(
    topic: string,
    body: unknown,
    passed: Pick<RequestOptions, 'key' | 'headers' | 'correlationId' | 'contentType'>,
    timeoutMs: number,
    late: TimeoutError,
    signals: readonly AbortSignal[],
  ): Promise<unknown> {
    const { clock, publisher } = this.#parts
    const id = randomUUID()
    const expiresAt = clock.wall() + timeoutMs
    const withdrawn = new AbortController()
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { topic, resolve: answer.resolve, reject: answer.reject })
    const timer = clock.setTimer(timeoutMs, () => answer.reject(late))
    const detached = signals.map((signal) =>
      onAbort(signal, (reason) => answer.reject(this.#cancel(topic, id, expiresAt, reason))),
    )
    this.#subscribed()
      .then(() =>
        publisher.publish(
          topic,
          body,
          { ...passed, id, expiresAt, timeoutMs, signal: withdrawn.signal },
          { [REPLY_TO]: this.#replyTopic },
        ),
      )
      .catch(answer.reject)
    try {
      return await answer.promise
    } catch (error) {
      withdrawn.abort(error)
      throw error
    } finally {
      this.#waiting.delete(id)
      timer.cancel()
      for (const detach of detached) detach()
    }
  }

  /** Tells the responder that nobody waits any more. */
  #cancel(topic: string, id: string, expiresAt: number, reason: unknown): CommunicationError {
    const { publisher, logger } = this.#parts
    publisher
      .publish(cancelTopic(topic), null, { expiresAt, unroutable: 'ignore' }, { [IN_REPLY_TO]: id })
      .catch((error: unknown) => {
        logger.debug(`the responder of ${topic} could not be told that request ${id} was aborted`, { error })
      })
    return givenUp(topic, reason)
  }

  #subscribed(): Promise<Subscription> {
    const { adapter, connection } = this.#parts
    const request = { topics: [this.#replyTopic], maxUnsettled: REPLY_CREDITS, lanes: 'none', temporary: true } as const
    this.#subscribing ??= connection
      .ready()
      .then(() => adapter.subscribe(request, this.#onReply))
      .then(
        (subscription) => {
          // Ended by the broker: the next request subscribes anew.
          void subscription.ended.then(() => {
            this.#subscribing = undefined
          })
          return subscription
        },
        (error: unknown) => {
          this.#subscribing = undefined
          throw error
        },
      )
    return this.#subscribing
  }

  readonly #onReply = (delivery: Delivery): void => {
    void delivery.settle('ack')
    const unread = (error: unknown): void => this.#parts.logger.warn('a reply could not be read', { error })
    try {
      const { adapter, clock, guards } = this.#parts
      const content = open(adapter.features, delivery)
      const { headers, body } = content
      const waiting = this.#waiting.get(textOf(headers[IN_REPLY_TO]) ?? '')
      // Nobody waits for it any more, or it is the second reply to a request that was handled twice.
      if (waiting === undefined) return
      const answer = (): void => this.#answer(waiting, textOf(headers[REPLY_STATUS]), body, textOf(headers[CONTENT_TYPE]))
      if (guards.length === 0) return answer()
      passOutside(guards, new Message(delivery, undefined, content, clock.wall()))
        .then(answer)
        .catch(unread)
    } catch (error) {
      unread(error)
    }
  }

  #answer(
    { topic, resolve, reject }: Waiting,
    status: string | undefined,
    body: Uint8Array,
    contentType = 'application/json',
  ): void {
    try {
      const value = this.#parts.codecs.decode(body, contentType, `the replies of ${topic}`)
      if (status === 'error') reject(errorOfReply(value, topic))
      else resolve(value)
    } catch (thrown) {
      reject(CommunicationError.from(thrown))
    }
  }

  /** Fails what still waits, and stops listening. */
  async close(error: CommunicationError): Promise<void> {
    for (const { topic, reject } of this.#waiting.values()) {
      reject(new ConsumeError(`the request to ${topic} got no answer: ${error.message}`, { code: 'COMM_CLOSED', cause: error }))
    }
    const subscription = await this.#subscribing?.catch(() => undefined)
    await subscription?.[Symbol.asyncDispose]()
  }
}

function givenUp(topic: string, reason: unknown): CommunicationError {
  return new CommunicationError(`the caller aborted the request to ${topic}`, { code: 'COMM_ABORTED', cause: reason })
}

function onAbort(signal: AbortSignal, call: (reason: unknown) => void): () => void {
  const abort = (): void => call(signal.reason)
  signal.addEventListener('abort', abort)
  return () => signal.removeEventListener('abort', abort)
}
