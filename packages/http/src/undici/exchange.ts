import { Readable } from 'node:stream'
import { types } from 'node:util'
import type { Clock } from '@comm/core'
import type { Dispatcher } from 'undici'
import { PhaseTimer } from '../phase-timer.ts'
import type { TransportRequest, TransportResponse } from '../transport.ts'
import { tooLarge, transportError } from '../transport-errors.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import { joinedHeaders } from './joined-headers.ts'

export interface ExchangeParts {
  readonly request: TransportRequest
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
  readonly connections: Connections
  readonly resolve: (response: TransportResponse) => void
  readonly reject: (reason: unknown) => void
  /** Called once, when neither a timer nor a listener of the exchange is left. */
  readonly ended: () => void
}

/** One exchange over undici's dispatch. It is its own handler, so that an exchange costs no closures. */
export class UndiciExchange implements Dispatcher.DispatchHandler {
  readonly #parts: ExchangeParts
  readonly #timer: PhaseTimer
  #connection: Connection | undefined
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #isAnswered = false
  #status = 0
  #headers: TransportResponse['headers'] = {}
  #first: Uint8Array | undefined
  #chunks: Uint8Array[] | undefined
  #receivedBytes = 0
  #body: Readable | undefined
  #uploadError: Error | undefined

  constructor(parts: ExchangeParts) {
    this.#parts = parts
    this.#timer = new PhaseTimer(parts.clock, parts.request, (error) => this.#fail(error))
  }

  start(): void {
    const { signal, connections } = this.#parts
    signal?.addEventListener('abort', this.#abort)
    connections.acquire(this.#send)
  }

  readonly #abort = (): void => this.#fail(this.#parts.signal?.reason)

  readonly #send = (connection: Connection): void => {
    this.#connection = connection
    const { method, url, headers } = this.#parts.request
    try {
      connection.client.dispatch(
        { method, path: url.pathname + url.search, headers, body: this.#bodyToSend() } as Dispatcher.DispatchOptions,
        this,
      )
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #bodyToSend(): Uint8Array | Readable | null {
    const { body } = this.#parts.request
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
    if (this.#isOver) controller.abort(new Error('the exchange is over'))
    else this.#timer.enter(this.#parts.request.body === undefined ? 'read' : 'write')
  }

  onRequestSent(): void {
    if (!this.#isOver) this.#timer.enter('read')
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 103 and its like announce the answer.
    if (this.#isOver || status < 200) return
    const { request } = this.#parts
    this.#isAnswered = true
    this.#timer.enter('read')
    this.#timer.progress()
    this.#status = status
    this.#headers = joinedHeaders(headers)
    if (Number(headers['content-length']) > request.maxBytes && request.method !== 'HEAD') return this.#fail(tooLarge(request))
    if (request.collect === 'stream') this.#handOver()
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    this.#receivedBytes += chunk.byteLength
    if (this.#receivedBytes > this.#parts.request.maxBytes) return this.#fail(tooLarge(this.#parts.request))
    this.#timer.progress()
    if (this.#body !== undefined) {
      if (!this.#body.push(chunk)) this.#pause()
    } else if (this.#first === undefined) {
      this.#first = chunk
    } else {
      this.#chunks ??= [this.#first]
      this.#chunks.push(chunk)
    }
  }

  onResponseEnd(): void {
    if (!this.#finish(true)) return
    if (this.#body !== undefined) this.#body.push(null)
    else this.#parts.resolve({ status: this.#status, headers: this.#headers, body: this.#collected() })
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isOver) return
    const { request } = this.#parts
    const isReused = !this.#isAnswered && this.#timer.sent === 'maybe' && (this.#connection?.served ?? 0) > 0
    const thrown =
      error === this.#uploadError ? Object.assign(new Error(error.message, { cause: error }), { name: 'UploadError' }) : error
    this.#fail(transportError(thrown, request, this.#timer.sent, isReused))
  }

  #collected(): Uint8Array {
    if (this.#chunks !== undefined) return Buffer.concat(this.#chunks, this.#receivedBytes)
    return this.#first ?? new Uint8Array(0)
  }

  #handOver(): void {
    this.#body = new Readable({
      read: () => {
        this.#timer.progress()
        this.#controller?.resume()
      },
      destroy: (error, done) => {
        this.#finish(false)
        done(error)
      },
    })
    this.#pause()
    this.#parts.resolve({ status: this.#status, headers: this.#headers, body: this.#body })
  }

  #pause(): void {
    this.#controller?.pause()
    this.#timer.pause()
  }

  /** False when it was over before. @param isRead the answer was read to its end, so that its connection can serve again */
  #finish(isRead: boolean): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#timer.stop()
    const { signal, connections, ended } = this.#parts
    signal?.removeEventListener('abort', this.#abort)
    if (this.#connection === undefined) connections.forget(this.#send)
    else connections.release(this.#connection, isRead)
    ended()
    return true
  }

  #fail(error: unknown): void {
    if (!this.#finish(false)) return
    if (this.#body === undefined) this.#parts.reject(error)
    else this.#body.destroy(types.isNativeError(error) ? error : new Error('the call was aborted', { cause: error }))
  }
}
