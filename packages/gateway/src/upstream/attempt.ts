import { CommunicationError, HttpStatusError, setSharedTimer, TimeoutError, type Timer, type Verdict } from '@comm/core'
import type { Instance } from '@comm/core/balancing'
import type { Connection, Connections, Waiter } from '@comm/http/undici'
import type { Dispatcher } from 'undici'
import type { AnswerFields } from '../message/answer-fields.ts'
import { RequestBody, type Upload } from '../message/request-body.ts'
import { refused } from '../message/request-head.ts'
import type { UpstreamCall } from './upstream-call.ts'
import { upstreamError } from './upstream-error.ts'

type Phase = 'connect' | 'write' | 'response' | 'body'

/** More of an answer that waits for another attempt is not kept: it is given on then. */
const MOST_HELD_BYTES = 64 * 1024

/** One exchange with one instance. It is undici's handler and waits for its connection itself: an attempt costs no closures. */
export class Attempt implements Dispatcher.DispatchHandler, Waiter {
  readonly #call: UpstreamCall
  readonly #instance: Instance
  readonly #connections: Connections
  readonly #resolve: (value: undefined) => void
  readonly #reject: (reason: unknown) => void
  #connection: Connection | undefined = undefined
  #controller: Dispatcher.DispatchController | undefined = undefined
  #isOver = false
  #isAnswered = false
  #hasRetriedStale = false
  #phase: Phase = 'connect'
  /** When the phase began, or something last moved in it. */
  #movedAt: number
  #timer: Timer | undefined = undefined
  #heldStatus = 0
  #heldFields: AnswerFields = {}
  #held: Buffer[] | undefined = undefined
  #heldBytes = 0
  #isPaused = false

  constructor(
    call: UpstreamCall,
    instance: Instance,
    connections: Connections,
    resolve: (value: undefined) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#call = call
    this.#instance = instance
    this.#connections = connections
    this.#resolve = resolve
    this.#reject = reject
    this.#movedAt = call.upstream.clock.now()
  }

  start(): void {
    const { shortestMs } = this.#call.request.timeouts
    if (shortestMs !== Number.POSITIVE_INFINITY)
      this.#timer = setSharedTimer(this.#call.upstream.clock, this.#movedAt, shortestMs, this.#look)
    this.#connections.acquire(this)
  }

  connected(connection: Connection): void {
    this.#connection = connection
    this.#enter('connect')
    const { request, upstream } = this.#call
    const { method, path, fields, body } = request
    const options = {
      method,
      path: upstream.basePath + path,
      headers: fields,
      body: body instanceof RequestBody ? (body.open() as Upload) : (body ?? null),
    }
    try {
      connection.dispatch(options as unknown as Dispatcher.DispatchOptions, this)
    } catch (thrown) {
      this.onResponseError(undefined, thrown as Error)
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('the attempt is over'))
    else this.#enter(this.#call.request.body === undefined ? 'response' : 'write')
  }

  onBodySent(): void {
    this.#movedAt = this.#call.upstream.clock.now()
  }

  onRequestSent(): void {
    if (this.#phase === 'write') this.#enter('response')
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, fields: AnswerFields): void {
    // 103 and its like announce the answer.
    if (status < 200 || this.#isOver) return
    this.#isAnswered = true
    this.#enter('body')
    const call = this.#call
    if (call.holds(status)) {
      this.#heldStatus = status
      this.#heldFields = fields
      this.#held = []
    } else call.commit(status, fields)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#movedAt = this.#call.upstream.clock.now()
    if (this.#held !== undefined) {
      this.#held.push(chunk)
      this.#heldBytes += chunk.byteLength
      if (this.#heldBytes > MOST_HELD_BYTES) this.#letGo(controller)
    } else if (!this.#call.receiver.data(chunk)) this.#pause(controller)
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: AnswerFields | undefined): void {
    if (this.#isOver) return
    this.#end(true)
    const call = this.#call
    if (this.#held === undefined) {
      call.note('maybe', call.upstream.failureStatuses.has(call.status) ? 'failure' : 'success')
      call.finish(trailers)
      return this.#resolve(undefined)
    }
    const status = this.#heldStatus
    call.held = { status, fields: this.#heldFields, chunks: this.#held, trailers }
    this.#fail(
      new HttpStatusError(`${call.what} was answered ${status}`, {
        status,
        retryable: true,
        details: { upstream: call.upstream.name, instance: this.#instance.id, ...retryAfter(this.#heldFields['retry-after']) },
      }),
      'maybe',
      'failure',
    )
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#isOver) return
    if (this.#isStale() && !this.#hasRetriedStale) return this.#again()
    this.#end(false)
    const call = this.#call
    const sent = this.#phase === 'connect' ? 'no' : 'maybe'
    const typed = upstreamError(error, call, this.#instance, sent, this.#isAnswered)
    const isOurs = typed.code === 'COMM_REFUSED'
    this.#fail(typed, sent, isOurs ? 'ignore' : 'failure')
  }

  /** Ends it at once. */
  abort(reason: unknown): void {
    if (this.#isOver) return
    this.#end(false)
    this.#controller?.abort(new Error('the exchange was given up'))
    this.#reject(reason)
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#movedAt = this.#call.upstream.clock.now()
    this.#controller?.resume()
  }

  #pause(controller: Dispatcher.DispatchController): void {
    this.#isPaused = true
    controller.pause()
  }

  #fail(error: CommunicationError, sent: 'no' | 'maybe', verdict: Verdict): void {
    this.#call.note(sent, verdict)
    this.#reject(error)
  }

  #letGo(controller: Dispatcher.DispatchController): void {
    const chunks = this.#held as Buffer[]
    this.#held = undefined
    const call = this.#call
    call.commit(this.#heldStatus, this.#heldFields)
    let takesMore = true
    for (const chunk of chunks) takesMore = call.receiver.data(chunk)
    if (!takesMore) this.#pause(controller)
  }

  /**
   * The service closed an idle connection in the moment in which it was used again (RFC 9112 9.3.1): that says nothing about the service,
   * so the request is sent once more, outside every policy.
   */
  #isStale(): boolean {
    if (this.#isAnswered || this.#phase === 'connect') return false
    return (this.#connection?.served ?? 0) > 0 && this.#call.isRepeatableOnceSent
  }

  #again(): void {
    this.#hasRetriedStale = true
    this.#controller = undefined
    this.#connections.release(this.#connection as Connection, false)
    this.#connection = undefined
    this.#enter('connect')
    this.#connections.acquire(this)
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#movedAt = this.#call.upstream.clock.now()
  }

  #end(isUsable: boolean): void {
    this.#isOver = true
    this.#timer?.cancel()
    if (this.#connection === undefined) this.#connections.forget(this)
    else this.#connections.release(this.#connection, isUsable)
  }

  /** Looks whether the phase has lasted too long. A timer per phase would cost more than a second look. */
  readonly #look = (): void => {
    const { clock } = this.#call.upstream
    const { timeouts } = this.#call.request
    const limitMs = timeouts[LIMIT_OF[this.#phase]]
    const now = clock.now()
    const leftMs = this.#movedAt + limitMs - now
    if (leftMs > 0) {
      // A phase with a shorter limit may have begun, and ended, until then.
      this.#timer = setSharedTimer(clock, now, Math.min(Math.ceil(leftMs), timeouts.shortestMs), this.#look)
      return
    }
    this.#timeOut(limitMs)
  }

  #timeOut(limitMs: number): void {
    const call = this.#call
    const phase = this.#phase
    const sent = phase === 'connect' ? 'no' : 'maybe'
    const { body } = call.request
    // Before the end of the attempt, which stops the body.
    const waitsForClient = phase === 'write' && body instanceof RequestBody && body.waitsForClient
    this.#end(false)
    this.#controller?.abort(new Error('the exchange took too long'))
    if (waitsForClient) return this.#fail(refused(408, `the body of the request stopped for ${limitMs} ms`), sent, 'ignore')
    const details = { upstream: call.upstream.name, instance: this.#instance.id, limit: phase, sent }
    if (phase === 'body' && this.#isPaused) {
      const message = `the client read nothing of the answer to ${call.what} for ${limitMs} ms`
      return this.#fail(new CommunicationError(message, { code: 'COMM_ABORTED', details }), sent, 'ignore')
    }
    this.#fail(
      new TimeoutError(`${call.what} at ${this.#instance.id} ${LATE[phase]} ${limitMs} ms`, { details }),
      sent,
      'failure',
    )
  }
}

const LIMIT_OF = { connect: 'connectMs', write: 'idleMs', response: 'responseMs', body: 'idleMs' } as const

const LATE: Readonly<Record<Phase, string>> = {
  connect: 'had no connection within',
  write: 'took nothing of the request for',
  response: 'was not answered within',
  body: 'sent nothing of its answer for',
}

function retryAfter(field: string | string[] | undefined): { retryAfterMs?: number } {
  return typeof field === 'string' && /^\d{1,6}$/.test(field) ? { retryAfterMs: Number(field) * 1000 } : {}
}
