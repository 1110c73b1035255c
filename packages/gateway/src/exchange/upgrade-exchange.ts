import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Call, CommunicationError, type Instance, type Verdict } from '@comm/core'
import type { Client, Dispatcher } from 'undici'
import type { AnswerFields } from '../message/answer-fields.ts'
import { refused } from '../message/request-head.ts'
import { fieldOf } from '../routing/conditions.ts'
import type { Route, RouteTarget } from '../routing/route.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Protected } from '../upstream/upstream-call.ts'
import { upstreamError } from '../upstream/upstream-error.ts'
import { ClientExchange } from './client-exchange.ts'
import type { ExchangeParts } from './exchange-parts.ts'

/** A request to speak WebSocket from here on (RFC 6455 4.1): the way is paved, and both sides are joined. */
export class UpgradeExchange extends ClientExchange implements Protected {
  verdict: Verdict = 'ignore'
  readonly socket: Duplex
  readonly #first: Buffer
  readonly #controller = new AbortController()
  #isJoined = false

  /** @param first bytes that came behind the head */
  constructor(parts: ExchangeParts, request: IncomingMessage, response: ServerResponse, socket: Duplex, first: Buffer) {
    super(parts, request, response)
    this.socket = socket
    this.#first = first
    socket.on('error', () => socket.destroy())
  }

  get upstream(): Upstream {
    return (this.target as RouteTarget).upstream
  }

  /** For messages. */
  get what(): string {
    return `the upgrade of ${this.pathname} at ${this.upstream.name}`
  }

  /** Before any step: those that answer themselves know no upgrades. */
  protected override admit({ websocket }: Route): void {
    const { upgrade } = this.asked
    if (upgrade?.toLowerCase() !== 'websocket' || this.method !== 'GET' || this.asked.hasBody)
      throw refused(400, 'the request asks for an upgrade that is not one of GET to websocket')
    if (!websocket) throw refused(403, 'this route passes no upgrades on')
    if (fieldOf(this.asked.fields, 'sec-websocket-key') === undefined) throw refused(400, 'the request has no Sec-WebSocket-Key')
  }

  override forward(): void {
    this.prepare()
    this.isRepeatable = true
    const { upstream } = this
    upstream.inFlight++
    upstream.pipeline
      .run(reach, this as UpgradeExchange, this.#controller.signal)
      .then(this.#answered, (error: unknown) => this.fail(error))
      .finally(() => upstream.ended())
  }

  override closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (!this.#isJoined) {
      const message = `the client went away before ${this.pathname} was upgraded`
      this.#controller.abort(new CommunicationError(message, { code: 'COMM_ABORTED' }))
    }
    this.tellEnd()
  }

  override get isAborted(): boolean {
    return this.isClosed && this.status === 0
  }

  override fail(error: unknown): void {
    this.response.once('finish', () => this.socket.end())
    super.fail(error)
  }

  readonly #answered = (answer: Answer): void => {
    if (this.isClosed) {
      answer.socket?.destroy()
      return
    }
    this.status = answer.status
    if (answer.socket === undefined) return this.#pass(answer)
    this.#join(answer, answer.socket)
  }

  /** The service does not want to: its answer goes to the client as any other. */
  #pass({ status, fields, body }: Answer): void {
    this.head(status, fields)
    this.response.once('finish', () => this.socket.end())
    this.response.end(body)
  }

  #join({ fields }: Answer, upstream: Duplex): void {
    this.#isJoined = true
    this.response.detachSocket(this.socket as never)
    const { socket } = this
    const lines = ['HTTP/1.1 101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket']
    for (const [name, value] of Object.entries(fields)) {
      if (name === 'connection' || name === 'upgrade' || value === undefined) continue
      for (const each of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${each}`)
    }
    lines.push(`${this.parts.correlationName}: ${this.correlationId}`, '', '')
    socket.write(lines.join('\r\n'), 'latin1')
    if (this.#first.byteLength > 0) upstream.write(this.#first)
    socket.pipe(upstream).pipe(socket)
    upstream.on('error', () => socket.destroy())
    upstream.once('close', () => socket.destroy())
    socket.once('close', () => upstream.destroy())
  }
}

interface Answer {
  readonly status: number
  readonly fields: AnswerFields
  readonly body: Buffer
  readonly socket: Duplex | undefined
}

/** More of a refusal is not passed on. */
const MOST_REFUSAL_BYTES = 64 * 1024

function reach(exchange: UpgradeExchange, running: Call): Promise<Answer> {
  const instance = running.target as Instance
  const client = exchange.upstream.tunnelTo(instance)
  const { signal } = running
  exchange.verdict = 'ignore'
  return new Promise((resolve, reject) => {
    const handler = new Handshake(exchange, instance, client, resolve, reject)
    const { connectMs, responseMs } = exchange.timeouts
    const limit = exchange.parts.clock.setTimer(connectMs + responseMs, () =>
      handler.onResponseError(null, new Error('it took too long')),
    )
    handler.onOver = () => limit.cancel()
    signal.addEventListener('abort', () => handler.onResponseError(null, new Error('the client is gone')), { once: true })
    const { path, fields } = exchange
    const options = { method: 'GET', path: exchange.upstream.basePath + path, headers: fields, upgrade: 'websocket' }
    try {
      client.dispatch(options as Dispatcher.DispatchOptions, handler)
    } catch (thrown) {
      handler.onResponseError(null, thrown as Error)
    }
  })
}

class Handshake implements Dispatcher.DispatchHandler {
  readonly #exchange: UpgradeExchange
  readonly #instance: Instance
  readonly #client: Client
  readonly #resolve: (answer: Answer) => void
  readonly #reject: (reason: unknown) => void
  readonly #chunks: Buffer[] = []
  #size = 0
  #status = 0
  #fields: AnswerFields = {}
  #isSent = false
  #isOver = false
  onOver: () => void = () => undefined

  constructor(
    exchange: UpgradeExchange,
    instance: Instance,
    client: Client,
    resolve: (answer: Answer) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#exchange = exchange
    this.#instance = instance
    this.#client = client
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart(): void {
    this.#isSent = true
  }

  onRequestUpgrade(_: unknown, status: number, fields: AnswerFields, socket: Duplex): void {
    if (this.#isOver) {
      socket.destroy()
      return
    }
    this.#end('success')
    socket.once('close', () => void this.#client.destroy().catch(() => undefined))
    this.#resolve({ status, fields, body: Buffer.alloc(0), socket })
  }

  onResponseStart(_: unknown, status: number, fields: AnswerFields): void {
    this.#status = status
    this.#fields = fields
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#size += chunk.byteLength
    if (this.#size <= MOST_REFUSAL_BYTES) this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#isOver) return
    this.#end(this.#exchange.upstream.failureStatuses.has(this.#status) ? 'failure' : 'success')
    void this.#client.destroy().catch(() => undefined)
    const body = Buffer.concat(this.#chunks)
    const fields = { ...this.#fields, 'content-length': String(body.byteLength) }
    this.#resolve({ status: this.#status, fields, body, socket: undefined })
  }

  onResponseError(_: unknown, error: Error): void {
    if (this.#isOver) return
    this.#end(this.#exchange.isClosed ? 'ignore' : 'failure')
    void this.#client.destroy().catch(() => undefined)
    this.#reject(upstreamError(error, this.#exchange, this.#instance, this.#isSent ? 'maybe' : 'no', false))
  }

  #end(verdict: Verdict): void {
    this.#isOver = true
    this.#exchange.verdict = verdict
    this.onOver()
  }
}
