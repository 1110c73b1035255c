import {
  type Call,
  type Cancellation,
  type CancellationListener,
  CommunicationError,
  setSharedTimer,
  TimeoutError,
  type Timer,
  type Verdict,
} from '@comm/core'
import type { Instance } from '@comm/core/balancing'
import type { AnswerFields } from '../message/answer-fields.ts'
import type { RequestBody } from '../message/request-body.ts'
import { Attempt } from './attempt.ts'
import type { AnswerReceiver } from './receiver.ts'
import type { Timeouts } from './timeouts.ts'
import type { Upstream } from './upstream.ts'

/** RFC 9110 9.2.2 */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'])

/** What is sent to a service. */
export interface OutboundRequest {
  readonly method: string
  /** With the query. */
  readonly path: string
  /** Names and values in turn; none about the connection, no Host unless it is to differ from the instance's. */
  readonly fields: string[]
  readonly body: RequestBody | Uint8Array | undefined
  /** What a consistent choice of the instance is made by. */
  readonly key: string | undefined
  readonly timeouts: Timeouts
  /** The client marked the request as one that may be repeated (Idempotency-Key). */
  readonly isRepeatable: boolean
}

/** An answer of a status that is worth another attempt; it is given on where there is none. */
export interface HeldAnswer {
  readonly status: number
  readonly fields: AnswerFields
  readonly chunks: readonly Buffer[]
  readonly trailers: AnswerFields | undefined
}

let settleWith: (value: undefined) => void
let rejectWith: (reason: unknown) => void
/** One executor for all promises. */
function capture(resolve: (value: undefined) => void, reject: (reason: unknown) => void): void {
  settleWith = resolve
  rejectWith = reject
}

/** What the pipeline of an upstream protects: one attempt at the instance that was picked. */
function attempt(call: UpstreamCall, running: Call): Promise<undefined> {
  const promise = new Promise<undefined>(capture)
  call.begin(running.target as Instance, settleWith, rejectWith)
  return promise
}

/** What the policies of an upstream ask of what they protect. */
export interface Protected {
  /** Of the attempt that has just ended. */
  readonly verdict: Verdict
  readonly isRepeatable: boolean
  /** What a consistent choice is made by. */
  readonly key: string | undefined
}

/** How the outcome of an attempt counts for breaker and balancer: a client's abort says nothing about a service, its 5xx does. */
export function verdictOf(running: Call): Verdict {
  return (running.argument as Protected).verdict
}

/** Whether a failed attempt may be made once more. */
export function isSafeToRepeat(running: Call): boolean {
  return (running.argument as Protected).isRepeatable
}

/** One request to a service, with all its attempts, until the answer is with the receiver. */
export class UpstreamCall implements Protected, Cancellation {
  readonly upstream: Upstream
  readonly request: OutboundRequest
  readonly receiver: AnswerReceiver
  /** The head of an answer has been given on: there is no way back. */
  isCommitted = false
  isOver = false
  verdict: Verdict = 'ignore'
  attempts = 0
  /** Of the answer that was given on; 0 before. */
  status = 0
  held: HeldAnswer | undefined = undefined
  instance: Instance | undefined = undefined
  readonly #retries: boolean
  #listener: CancellationListener | undefined = undefined
  aborted = false
  reason: unknown = undefined
  #attempt: Attempt | undefined = undefined
  #sent: 'no' | 'maybe' = 'no'
  #total: Timer | undefined = undefined

  /** @param retries whether it may be made more than once at all */
  constructor(upstream: Upstream, request: OutboundRequest, receiver: AnswerReceiver, retries: boolean) {
    this.upstream = upstream
    this.request = request
    this.receiver = receiver
    this.#retries = retries
    upstream.inFlight++
  }

  start(): void {
    const { clock, pipeline } = this.upstream
    const { totalMs } = this.request.timeouts
    if (totalMs !== Number.POSITIVE_INFINITY) {
      this.#total = setSharedTimer(clock, clock.now(), totalMs, () => {
        const error = new TimeoutError(`${this.what} was not answered to the end within ${totalMs} ms (timeouts.totalMs)`, {
          details: { upstream: this.upstream.name, limit: 'total' },
        })
        this.#cancel(error, 'failure')
      })
    }
    pipeline.run(attempt, this, this).then(undefined, this.#failed)
  }

  get key(): string | undefined {
    return this.request.key
  }

  /** For messages. */
  get what(): string {
    const { method, path } = this.request
    return `${method} ${path.split('?', 1)[0]} of ${this.upstream.name}`
  }

  /** The client wants the answer no longer. */
  abort(): void {
    if (this.isOver) return
    this.#cancel(
      new CommunicationError(`the client went away before ${this.what} was answered`, { code: 'COMM_ABORTED' }),
      'ignore',
    )
  }

  /** Gives it up when the signal aborts. @returns to be called when it is over: listens no longer */
  abortWith(signal: AbortSignal | undefined): () => void {
    const abort = (): void => this.refuse(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    return () => signal?.removeEventListener('abort', abort)
  }

  /** The request turned out to be one that is not answered: too large a body. It counts against nobody. */
  refuse(error: unknown): void {
    if (!this.isOver) this.#cancel(error, 'ignore')
  }

  /** The receiver takes more. */
  resume(): void {
    this.#attempt?.resume()
  }

  /** Nothing has been sent, or it may be sent twice; and all of it can be. */
  get isRepeatable(): boolean {
    return this.#sent === 'no' ? this.#isWhole : this.isRepeatableOnceSent
  }

  get isRepeatableOnceSent(): boolean {
    const { method, isRepeatable } = this.request
    return (isRepeatable || IDEMPOTENT.has(method)) && this.#isWhole
  }

  get #isWhole(): boolean {
    const { body } = this.request
    if (this.isCommitted || this.isOver || !this.#retries) return false
    return body === undefined || body instanceof Uint8Array || body.isReplayable
  }

  begin(instance: Instance, resolve: (value: undefined) => void, reject: (reason: unknown) => void): void {
    if (this.isOver) return reject(this.reason)
    this.attempts++
    this.instance = instance
    this.held = undefined
    this.verdict = 'ignore'
    const connections = this.upstream.connectionsTo(instance)
    this.#attempt = new Attempt(this, instance, connections, resolve, reject)
    this.#attempt.start()
  }

  /** The pipeline alone listens: it ends whatever it waits for when the call is given up. */
  addEventListener(_: 'abort', listener: CancellationListener): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = undefined
  }

  /** An attempt has failed. @param sent whether the service may have seen the request */
  note(sent: 'no' | 'maybe', verdict: Verdict): void {
    if (sent === 'maybe') this.#sent = 'maybe'
    this.verdict = verdict
  }

  /** Whether the answer of this status is kept back for another attempt. */
  holds(status: number): boolean {
    return this.attempts <= this.upstream.maxRetries && this.upstream.retryStatuses.has(status) && this.isRepeatableOnceSent
  }

  commit(status: number, fields: AnswerFields): void {
    this.isCommitted = true
    this.status = status
    this.receiver.head(status, fields)
  }

  finish(trailers: AnswerFields | undefined): void {
    this.#end()
    this.receiver.end(trailers)
  }

  #cancel(reason: unknown, verdict: Verdict): void {
    this.#attempt?.abort(reason)
    this.verdict = verdict
    this.#end()
    this.aborted = true
    this.reason = reason
    this.#listener?.handleEvent({ target: this })
    this.receiver.fail(reason)
  }

  #end(): void {
    this.isOver = true
    this.#total?.cancel()
    this.upstream.ended()
  }

  readonly #failed = (error: unknown): void => {
    if (this.isOver) return
    const { held } = this
    if (held !== undefined && !this.isCommitted) {
      this.commit(held.status, held.fields)
      for (const chunk of held.chunks) this.receiver.data(chunk)
      return this.finish(held.trailers)
    }
    this.#end()
    this.receiver.fail(error)
  }
}
