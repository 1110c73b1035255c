import type { Socket } from 'node:net'
import { type Call, type Instance, TimeoutError, type Timer, type Verdict } from '@comm/core'
import type { Client, Dispatcher } from 'undici'
import type { AnswerFields } from '../message/answer-fields.ts'
import { upstreamError } from '../upstream/upstream-error.ts'
import type { UpgradeExchange } from './upgrade-exchange.ts'

/** What a service says to an upgrade. */
export interface HandshakeAnswer {
  readonly status: number
  readonly fields: AnswerFields
  readonly body: Buffer
  /** Where it wants to. */
  readonly socket: Socket | undefined
}

/** More of a refusal is not passed on. */
const MOST_REFUSAL_BYTES = 64 * 1024

/** One attempt to upgrade at the instance that was picked. */
export function reach(exchange: UpgradeExchange, running: Call): Promise<HandshakeAnswer> {
  return new Promise((resolve, reject) =>
    new Handshake(exchange, running.target as Instance, resolve, reject).start(running.signal),
  )
}

class Handshake implements Dispatcher.DispatchHandler {
  readonly #exchange: UpgradeExchange
  readonly #instance: Instance
  readonly #client: Client
  readonly #resolve: (answer: HandshakeAnswer) => void
  readonly #reject: (reason: unknown) => void
  readonly #chunks: Buffer[] = []
  #signal: AbortSignal | undefined
  #timer: Timer | undefined
  #size = 0
  #status = 0
  #fields: AnswerFields = {}
  #isSent = false
  #isOver = false

  constructor(
    exchange: UpgradeExchange,
    instance: Instance,
    resolve: (answer: HandshakeAnswer) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#exchange = exchange
    this.#instance = instance
    this.#client = exchange.upstream.tunnelTo(instance)
    this.#resolve = resolve
    this.#reject = reject
  }

  start(signal: AbortSignal): void {
    const { path, fields, upstream, timeouts } = this.#exchange
    this.#exchange.begun(this.#instance)
    this.#signal = signal
    signal.addEventListener('abort', this.#aborted, { once: true })
    this.#limit(timeouts.connectMs, 'connect', 'had no connection within')
    const options = { method: 'GET', path: upstream.basePath + path, headers: fields, upgrade: 'websocket' }
    try {
      this.#client.dispatch(options as Dispatcher.DispatchOptions, this)
    } catch (thrown) {
      this.onResponseError(null, thrown as Error)
    }
  }

  onRequestStart(): void {
    if (this.#isOver) return
    this.#isSent = true
    this.#limit(this.#exchange.timeouts.responseMs, 'response', 'was not answered within')
  }

  onRequestUpgrade(_: unknown, status: number, fields: AnswerFields, socket: Socket): void {
    if (this.#isOver) {
      socket.destroy()
      return
    }
    this.#end('success')
    socket.once('close', () => this.#letGo())
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
    this.#letGo()
    const body = Buffer.concat(this.#chunks)
    const fields = { ...this.#fields, 'content-length': String(body.byteLength) }
    this.#resolve({ status: this.#status, fields, body, socket: undefined })
  }

  onResponseError(_: unknown, error: Error): void {
    if (!this.#isOver) this.#fail(upstreamError(error, this.#exchange, this.#instance, this.#sent, false))
  }

  get #sent(): 'no' | 'maybe' {
    return this.#isSent ? 'maybe' : 'no'
  }

  #limit(ms: number, limit: string, late: string): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (ms === Number.POSITIVE_INFINITY) return
    this.#timer = this.#exchange.parts.clock.setTimer(ms, () => {
      const { what, upstream } = this.#exchange
      const details = { upstream: upstream.name, instance: this.#instance.id, limit, sent: this.#sent }
      this.#fail(new TimeoutError(`${what} at ${this.#instance.id} ${late} ${ms} ms`, { details }))
    })
  }

  readonly #aborted = (): void => this.#fail(this.#signal?.reason)

  #fail(error: unknown): void {
    this.#end(this.#exchange.isClosed ? 'ignore' : 'failure')
    this.#letGo()
    this.#reject(error)
  }

  #letGo(): void {
    void this.#client.destroy().catch(() => undefined)
  }

  #end(verdict: Verdict): void {
    this.#isOver = true
    this.#exchange.verdict = verdict
    this.#timer?.cancel()
    this.#signal?.removeEventListener('abort', this.#aborted)
  }
}
