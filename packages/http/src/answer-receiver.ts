import { Readable } from 'node:stream'
import { types } from 'node:util'
import type { Cancellation, CancellationListener, Clock } from '@comm/core'
import { PhaseTimer } from './phase-timer.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'
import { tooLarge } from './transport-errors.ts'

/** What an exchange asks of the library that moves its bytes. */
export interface Wire {
  /** Bring no more of the body, until `resume`. */
  pause(): void
  resume(): void
  /** It is over. @param isRead the answer was read to its end; otherwise what is still under way is to be cut */
  end(isRead: boolean): void
}

export interface ReceiverParts {
  readonly request: TransportRequest
  readonly cancellation: Cancellation | undefined
  readonly clock: Clock
  readonly resolve: (response: TransportResponse) => void
  readonly reject: (reason: unknown) => void
  /** Called once, when neither a timer nor a listener of the exchange is left. */
  readonly ended: () => void
}

/** One exchange, whatever moves its bytes: its time limits, its size, its abort, and how the answer reaches who asked. */
export class AnswerReceiver implements CancellationListener {
  readonly timer: PhaseTimer
  readonly #parts: ReceiverParts
  readonly #wire: Wire
  #isOver = false
  #isAnswered = false
  #status = 0
  #headers: TransportResponse['headers'] = {}
  #first: Uint8Array | undefined
  #chunks: Uint8Array[] | undefined
  #bytes = 0
  #totalBytes: number | undefined
  #body: Readable | undefined

  constructor(parts: ReceiverParts, wire: Wire) {
    this.#parts = parts
    this.#wire = wire
    this.timer = new PhaseTimer(parts.clock, parts.request, (error) => this.fail(error))
    // It is its own listener: no closure.
    parts.cancellation?.addEventListener('abort', this)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Something of an answer has come. */
  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** The answer begins. */
  head(status: number, headers: TransportResponse['headers']): void {
    if (this.#isOver) return
    const { request } = this.#parts
    this.#isAnswered = true
    this.timer.enter('read')
    this.timer.progress()
    this.#status = status
    this.#headers = headers
    if (request.onDownload !== undefined) this.#report()
    if (Number(headers['content-length']) > request.maxBytes && request.method !== 'HEAD') this.fail(tooLarge(request))
    else if (request.collect === 'stream') this.#handOver()
  }

  data(chunk: Uint8Array): void {
    if (this.#isOver) return
    this.#bytes += chunk.byteLength
    if (this.#bytes > this.#parts.request.maxBytes) return this.fail(tooLarge(this.#parts.request))
    this.timer.progress()
    if (this.#parts.request.onDownload !== undefined) this.#report()
    if (this.#body !== undefined) {
      if (!this.#body.push(chunk)) this.#pause()
    } else if (this.#first === undefined) {
      this.#first = chunk
    } else {
      this.#chunks ??= [this.#first]
      this.#chunks.push(chunk)
    }
  }

  /** The answer has been read to its end. */
  end(): void {
    if (!this.#finish(true)) return
    if (this.#body !== undefined) this.#body.push(null)
    else this.#parts.resolve({ status: this.#status, headers: this.#headers, body: this.#collected() })
  }

  /** Without effect when the exchange is over. */
  fail(error: unknown): void {
    if (!this.#finish(false)) return
    if (this.#body === undefined) this.#parts.reject(error)
    else this.#body.destroy(types.isNativeError(error) ? error : new Error('the call was aborted', { cause: error }))
  }

  handleEvent(): void {
    this.fail(this.#parts.cancellation?.reason)
  }

  #report(): void {
    const length = this.#headers['content-length']
    this.#totalBytes ??= length === undefined ? undefined : Number(length)
    this.#parts.request.onDownload?.({ bytes: this.#bytes, totalBytes: this.#totalBytes })
  }

  #collected(): Uint8Array {
    if (this.#chunks !== undefined) return Buffer.concat(this.#chunks, this.#bytes)
    return this.#first ?? new Uint8Array(0)
  }

  #handOver(): void {
    const { resolve } = this.#parts
    const wire = this.#wire
    this.#body = new Readable({
      read: () => {
        this.timer.progress()
        wire.resume()
      },
      destroy: (error, done) => {
        this.#finish(false)
        done(error)
      },
    })
    this.#pause()
    resolve({ status: this.#status, headers: this.#headers, body: this.#body })
  }

  /** The network is not to blame while its reader takes its time. */
  #pause(): void {
    this.#wire.pause()
    this.timer.pause()
  }

  /** False when it was over before. */
  #finish(isRead: boolean): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.timer.stop()
    const { cancellation, ended } = this.#parts
    cancellation?.removeEventListener('abort', this)
    this.#wire.end(isRead)
    ended()
    return true
  }
}
