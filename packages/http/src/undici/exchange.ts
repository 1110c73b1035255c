import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { AnswerReceiver, type ReceiverParts, type Wire } from '../answer-receiver.ts'
import type { TransportRequest } from '../transport.ts'
import { transportError } from '../transport-errors.ts'
import type { Connection } from './connection.ts'
import type { Connections, Waiter } from './connections.ts'
import { joinedHeaders } from './joined-headers.ts'

/** One exchange over undici's dispatch. It is its own handler, so that an exchange costs no closures. */
export class UndiciExchange implements Dispatcher.DispatchHandler, Waiter, Wire {
  readonly #request: TransportRequest
  readonly #connections: Connections
  readonly #receiver: AnswerReceiver
  #connection: Connection | undefined
  #controller: Dispatcher.DispatchController | undefined
  #uploadError: Error | undefined

  constructor(connections: Connections, parts: ReceiverParts) {
    this.#request = parts.request
    this.#connections = connections
    this.#receiver = new AnswerReceiver(parts, this)
  }

  start(): void {
    this.#connections.acquire(this)
  }

  connected(connection: Connection): void {
    this.#connection = connection
    const { method, url, headers, bodyBytes } = this.#request
    const sized = bodyBytes === undefined ? headers : { ...headers, 'content-length': String(bodyBytes) }
    try {
      connection.dispatch(
        {
          origin: '',
          method,
          path: url.pathname + url.search,
          headers: sized,
          body: this.#bodyToSend(),
        } as Dispatcher.DispatchOptions,
        this,
      )
    } catch (thrown) {
      this.#receiver.fail(thrown)
    }
  }

  #bodyToSend(): Uint8Array | Readable | null {
    const { body } = this.#request
    const source = typeof body === 'function' ? body() : body
    if (source instanceof Readable) {
      source.once('error', (error) => {
        this.#uploadError = error
      })
    }
    return source ?? null
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#receiver.isOver) controller.abort(new Error('the exchange is over'))
    else this.#receiver.timer.enter(this.#request.body === undefined ? 'read' : 'write')
  }

  onRequestSent(): void {
    if (!this.#receiver.isOver) this.#receiver.timer.enter('read')
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 103 and its like announce the answer.
    if (status >= 200) this.#receiver.head(status, joinedHeaders(headers))
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#receiver.data(chunk)
  }

  onResponseEnd(): void {
    this.#receiver.end()
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#receiver.isOver) return
    const { sent } = this.#receiver.timer
    const isReused = !this.#receiver.isAnswered && sent === 'maybe' && (this.#connection?.served ?? 0) > 0
    const thrown =
      error === this.#uploadError ? Object.assign(new Error(error.message, { cause: error }), { name: 'UploadError' }) : error
    this.#receiver.fail(transportError(thrown, this.#request, sent, isReused))
  }

  pause(): void {
    this.#controller?.pause()
  }

  resume(): void {
    this.#controller?.resume()
  }

  /** A connection whose answer was read to its end can serve again. */
  end(isRead: boolean): void {
    if (this.#connection === undefined) this.#connections.forget(this)
    else this.#connections.release(this.#connection, isRead)
  }
}
