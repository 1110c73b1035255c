import { DEADLINE_HEADER, type Principal, TimeoutError, type Timer } from '@comm/core'
import { context } from '@opentelemetry/api'
import type { Peer } from '../message/forwarding.ts'
import { RequestBody } from '../message/request-body.ts'
import { type InboundRequest, RequestHead, readHead, refused } from '../message/request-head.ts'
import { readTarget } from '../message/target.ts'
import { readWhole } from '../message/whole-body.ts'
import { continueTrace, type RequestSpan, spanOf } from '../observe/tracing.ts'
import { fieldOf } from '../routing/conditions.ts'
import { chooseTarget, type Question, type Route, type RouteTarget } from '../routing/route.ts'
import { without } from '../steps/cors.ts'
import type { RouteStep } from '../steps/step.ts'
import { resolveTimeouts, type Timeouts } from '../upstream/timeouts.ts'
import { IDEMPOTENT, type OutboundRequest, UpstreamCall } from '../upstream/upstream-call.ts'
import { ClientAnswer } from './client-answer.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import type { GatewayRequest } from './gateway-request.ts'
import type { OutboundResponse } from './write-head.ts'

const NO_HEAD = new RequestHead()
const NO_TIMEOUTS = resolveTimeouts()

export const DEADLINE_NAME: string = DEADLINE_HEADER.toLowerCase()

/** What a count, a line and a span say of the call to the service. */
export type CallFacts = Pick<UpstreamCall, 'upstream' | 'instance' | 'attempts'>

/** One request of a client and its answer. It is the question for the route, and what is sent on. */
export class ClientExchange extends ClientAnswer implements OutboundRequest, Question, GatewayRequest {
  asked: RequestHead = NO_HEAD
  peer: Peer
  /** As it was written, without the query. */
  pathname = '/'
  search = ''
  host = ''
  target: RouteTarget | undefined = undefined
  /** As it is sent on. */
  path = '/'
  fields: string[] = []
  /** Who asks, once a step has established it. */
  principal: Principal | undefined = undefined
  key: string | undefined = undefined
  timeouts: Timeouts = NO_TIMEOUTS
  isRepeatable = false
  /** While OpenTelemetry traces. */
  span: RequestSpan | undefined = undefined
  #read: Buffer | undefined = undefined
  #patience: Timer | undefined = undefined

  constructor(parts: ExchangeParts, request: InboundRequest, response: OutboundResponse) {
    super(parts, request, response)
    this.peer = parts.forwarding.peerOf(request.socket)
  }

  /** Reads the request, finds its route and sends it on. Whatever is wrong is answered. */
  begin(): void {
    this.span = spanOf(this)
    if (this.span === undefined) this.#run()
    else context.with(this.span.context, this.#run, this)
  }

  #run(): void {
    try {
      this.#readHead()
      const route = this.#find()
      this.admit(route)
      const { steps } = route
      if (steps.length === 0) this.forward()
      else this.#walk(steps, 0)
    } catch (thrown) {
      this.fail(thrown)
    }
  }

  #walk(steps: readonly RouteStep[], from: number): void {
    for (let at = from; at < steps.length; at++) {
      const answered = (steps[at] as RouteStep).enter(this)
      if (answered === true) return
      if (answered !== false) {
        answered.then((late) => this.#resume(late, steps, at + 1)).catch((thrown: unknown) => this.fail(thrown))
        return
      }
    }
    this.forward()
  }

  #resume(answered: boolean, steps: readonly RouteStep[], next: number): void {
    if (!answered && !this.isClosed) this.#walk(steps, next)
  }

  /** @throws RequestRefusedError for a request that the route is not for, whatever its steps say */
  protected admit(_route: Route): void {}

  #readHead(): void {
    const { names } = this.parts
    const head = readHead(this.request, names)
    this.asked = head
    this.host = head.host
    if (head.correlationId !== undefined) this.correlationId = head.correlationId
    const target = readTarget(this.request.url ?? '')
    this.pathname = target.path
    this.search = target.search
    if (target.host !== undefined) this.host = target.host
  }

  #find(): Route {
    const route = this.parts.table.find(this.pathname, this)
    this.route = route
    if (route.targets.length > 0) this.target = chooseTarget(route, this.parts.random)
    return route
  }

  /** For steps: a field of the request. @param name in lower case */
  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return typeof value === 'string' ? value : value?.join(', ')
  }

  get clientAddress(): string {
    return this.parts.forwarding.clientOf(this.peer, this.asked)
  }

  /** It asks for WebSocket: only the service can answer it. */
  get isUpgrade(): boolean {
    return false
  }

  get callFacts(): CallFacts | undefined {
    return this.call
  }

  /** Of the body. */
  get bytesReceived(): number {
    const { body } = this
    if (body === undefined) return 0
    return body instanceof RequestBody ? body.bytesRead : body.byteLength
  }

  get isBodyRead(): boolean {
    return this.#read !== undefined
  }

  get bytes(): Buffer | undefined {
    return this.#read
  }

  /** For steps: the whole body. @throws RequestRefusedError 413, 408 for a client that stops */
  async readBody(maxBytes: number): Promise<Buffer> {
    if (this.#read !== undefined) return this.#read
    const most = Math.min(maxBytes, (this.route as Route).maxBodyBytes)
    const { contentLength, expectsContinue } = this.asked
    if (contentLength !== undefined && contentLength > most) throw tooLarge(most)
    const { idleMs } = this.target?.timeouts ?? NO_TIMEOUTS
    const { body, whole } = readWhole({
      request: this.request,
      clock: this.parts.clock,
      beforeFirst: expectsContinue ? () => this.response.writeContinue() : undefined,
      tooMuch: { bytes: most, error: () => tooLarge(most) },
      idleMs,
      signal: this.signal,
    })
    this.body = body
    this.#read = await whole
    return this.#read
  }

  /** For steps: what is sent in place of the body of the client. */
  replaceBody(body: Uint8Array): void {
    this.#read = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    this.asked.fields = without(this.asked.fields, (name) => name === 'content-length')
  }

  override get signal(): AbortSignal {
    const signal = super.signal
    const { timeLeftMs } = this.asked
    if (timeLeftMs !== undefined) {
      this.#patience ??= this.parts.clock.setTimer(Math.max(0, timeLeftMs - this.durationMs), () =>
        this.giveUp(new TimeoutError(`the client waits no longer than ${timeLeftMs} ms`, { code: 'COMM_DEADLINE_EXCEEDED' })),
      )
    }
    return signal
  }

  /** For steps that ask services themselves. @param fields in place of the client's */
  outbound(fields: string[] = this.asked.fields): Omit<OutboundRequest, 'body'> {
    const sent = without(fields, (name) => name === 'content-length')
    this.#addOwn(sent)
    const path = this.#pathToSend()
    const timeouts = this.target?.timeouts ?? NO_TIMEOUTS
    return { method: this.method, path, fields: sent, key: this.clientAddress, timeouts, isRepeatable: false }
  }

  /** Sends the request to the service. */
  forward(): void {
    this.prepare()
    const route = this.route as Route
    const target = this.target as RouteTarget
    if (this.#read !== undefined) this.body = this.#read
    else if (this.asked.hasBody) this.body = this.#bodyOf(route, target)
    this.call = new UpstreamCall(target.upstream, this, this, route.retries)
    this.call.start()
  }

  /** Makes of what the client sent what the service gets. */
  protected prepare(): void {
    const { asked: head } = this
    const route = this.route as Route
    const target = this.target as RouteTarget
    const { fields } = head
    this.fields = fields
    this.#addOwn(fields)
    this.timeouts = target.timeouts
    if (head.timeLeftMs !== undefined) this.#limitTo(head.timeLeftMs)
    if (target.preserveHost && this.host !== '') fields.push('host', this.host)
    this.key = target.hashHeader === undefined ? this.peer.address : fieldOf(fields, target.hashHeader)
    this.isRepeatable = route.retries && fieldOf(fields, 'idempotency-key') !== undefined
    this.path = this.#pathToSend()
  }

  #addOwn(fields: string[]): void {
    const { parts } = this
    parts.forwarding.add(fields, this.asked, this.peer, this.host, this.request.httpVersion)
    fields.push(parts.correlationName, this.correlationId, parts.requestIdName, this.requestId)
    if (this.span !== undefined) continueTrace(fields, this.span.context)
  }

  #pathToSend(): string {
    const rewrite = this.route?.rewrite
    return (rewrite === undefined ? this.pathname : rewrite(this.pathname)) + this.search
  }

  /** The caller waits only so long (RFC has none; `X-Request-Timeout-Ms`), and the service is told so. */
  #limitTo(leftMs: number): void {
    if (leftMs === 0)
      throw new TimeoutError('the deadline of the request had passed when it came in', { code: 'COMM_DEADLINE_EXCEEDED' })
    this.fields.push(DEADLINE_NAME, String(leftMs))
    if (leftMs < this.timeouts.totalMs) this.timeouts = resolveTimeouts(this.timeouts, { totalMs: leftMs })
  }

  #bodyOf(route: Route, target: RouteTarget): RequestBody {
    const { asked: head, response } = this
    const { maxBodyBytes } = route
    if (head.contentLength !== undefined && head.contentLength > maxBodyBytes) throw tooLarge(maxBodyBytes)
    return new RequestBody(this.request, {
      replayBytes: route.retries && (this.isRepeatable || IDEMPOTENT.has(this.method)) ? target.replayBytes : 0,
      beforeFirst: head.expectsContinue ? () => response.writeContinue() : undefined,
      maxBytes: maxBodyBytes,
      onTooLarge: () => this.call?.refuse(tooLarge(maxBodyBytes)),
    })
  }

  protected override throughSteps(received: string[]): string[] {
    const steps = this.route?.steps
    if (steps === undefined || steps.length === 0) return received
    let fields = received
    for (const step of steps) if (step.answer !== undefined) fields = step.answer(fields, this)
    return fields
  }

  protected override tellFailure(error: unknown): void {
    this.parts.logFailure(this, error)
  }

  protected override tellEnd(): void {
    this.#patience?.cancel()
    this.parts.ended(this)
  }
}

function tooLarge(maxBytes: number): Error {
  return refused(413, `the body of the request has more than ${maxBytes} bytes`)
}
