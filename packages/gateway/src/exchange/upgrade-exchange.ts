import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { CommunicationError, type Instance, TimeoutError, type Timer, type Verdict } from '@comm/core'
import { fieldsForClient, setField } from '../message/answer-fields.ts'
import { refused } from '../message/request-head.ts'
import { fieldOf } from '../routing/conditions.ts'
import type { Route, RouteTarget } from '../routing/route.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { Protected } from '../upstream/upstream-call.ts'
import { type CallFacts, ClientExchange } from './client-exchange.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { type HandshakeAnswer, reach } from './handshake.ts'
import { joinSockets } from './tunnel.ts'

/** A request to speak WebSocket from here on (RFC 6455 4.1): the way is paved, and both sides are joined. */
export class UpgradeExchange extends ClientExchange implements Protected {
  verdict: Verdict = 'ignore'
  attempts = 0
  /** That was asked last. */
  instance: Instance | undefined = undefined
  readonly socket: Socket
  readonly #first: Buffer
  readonly #controller = new AbortController()
  #total: Timer | undefined
  #service: Socket | undefined
  /** Bytes of the connection that are not of the tunnel. */
  readonly #readBefore: number
  #sentBefore = 0

  /** @param first bytes that came behind the head */
  constructor(parts: ExchangeParts, request: IncomingMessage, response: ServerResponse, socket: Socket, first: Buffer) {
    super(parts, request, response)
    this.socket = socket
    this.#first = first
    this.#readBefore = socket.bytesRead - first.byteLength
    socket.on('error', () => socket.destroy())
    // As Node sees requests that are not answered yet: who has closed one side has left.
    socket.once('end', () => {
      if (this.#service === undefined) socket.destroy()
    })
    // Whatever else is answered than 101, nobody reads requests from this connection any more, and a client need not close its side.
    response.shouldKeepAlive = false
    response.once('finish', () => {
      socket.resume()
      socket.destroySoon()
    })
  }

  override get isUpgrade(): boolean {
    return true
  }

  get upstream(): Upstream {
    return (this.target as RouteTarget).upstream
  }

  /** For messages. */
  get what(): string {
    return `the upgrade of ${this.pathname} at ${this.upstream.name}`
  }

  override get callFacts(): CallFacts | undefined {
    return this.attempts === 0 ? undefined : this
  }

  override get bytesReceived(): number {
    return this.#service === undefined ? 0 : this.socket.bytesRead - this.#readBefore
  }

  /** Before any step: those that answer themselves know no upgrades. */
  protected override admit({ websocket }: Route): void {
    if (this.method !== 'GET' || this.asked.hasBody)
      throw refused(400, 'the request asks for WebSocket, but is no GET without a body')
    if (!websocket) throw refused(403, 'this route passes no upgrades on')
    if (fieldOf(this.asked.fields, 'sec-websocket-key') === undefined) throw refused(400, 'the request has no Sec-WebSocket-Key')
  }

  override forward(): void {
    this.prepare()
    this.isRepeatable = true
    const { upstream } = this
    const { totalMs } = this.timeouts
    if (totalMs !== Number.POSITIVE_INFINITY) {
      this.#total = this.parts.clock.setTimer(totalMs, () => {
        const details = { upstream: upstream.name, limit: 'total' }
        this.#controller.abort(
          new TimeoutError(`${this.what} was not answered within ${totalMs} ms (timeouts.totalMs)`, { details }),
        )
      })
    }
    upstream.inFlight++
    upstream.pipeline
      .run(reach, this as UpgradeExchange, this.#controller.signal)
      .then(this.#answered, (error: unknown) => this.fail(error))
      .finally(() => {
        this.#total?.cancel()
        upstream.ended()
      })
  }

  /** An attempt at an instance. */
  begun(instance: Instance): void {
    this.attempts++
    this.instance = instance
    this.verdict = 'ignore'
  }

  override closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (this.#service === undefined) {
      const message = `the client went away before ${this.pathname} was upgraded`
      this.#controller.abort(new CommunicationError(message, { code: 'COMM_ABORTED' }))
    } else this.bytesSent = this.socket.bytesWritten - this.#sentBefore
    this.tellEnd()
  }

  override get isAborted(): boolean {
    return this.isClosed && this.status === 0
  }

  readonly #answered = (answer: HandshakeAnswer): void => {
    const { status, fields, body, socket } = answer
    if (this.isClosed) {
      socket?.destroy()
      return
    }
    this.status = status
    if (socket !== undefined) return this.#join(answer, socket)
    // The service does not want to: its answer goes to the client as any other.
    this.head(status, fields)
    if (body.byteLength > 0) this.data(body)
    this.end(undefined)
  }

  #join({ fields }: HandshakeAnswer, service: Socket): void {
    const { socket } = this
    this.#service = service
    this.response.detachSocket(socket)
    const own = fieldsForClient(fields)
    setField(own, this.parts.correlationName, this.correlationId)
    const lines = ['HTTP/1.1 101 Switching Protocols', 'connection: Upgrade', 'upgrade: websocket']
    for (let at = 0; at < own.length; at += 2) lines.push(`${own[at]}: ${own[at + 1]}`)
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    this.#sentBefore = socket.bytesWritten
    if (this.#first.byteLength > 0) service.write(this.#first)
    joinSockets(socket, service, this.timeouts.idleMs)
  }
}
