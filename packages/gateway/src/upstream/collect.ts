import { CommunicationError } from '@comm/core'
import type { AnswerFields } from '../message/answer-fields.ts'
import type { AnswerReceiver } from './receiver.ts'
import type { Upstream } from './upstream.ts'
import { type OutboundRequest, UpstreamCall } from './upstream-call.ts'

/** A whole answer of a service. */
export interface Collected {
  readonly status: number
  readonly fields: AnswerFields
  readonly body: Buffer
}

/** Makes a call whose answer is wanted whole. @throws CommunicationError why there is none, COMM_TOO_LARGE */
export function collect(
  upstream: Upstream,
  request: OutboundRequest,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Collected> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const collector = new Collector(maxBytes, resolve, reject)
    const call = new UpstreamCall(upstream, request, collector, true)
    collector.call = call
    collector.onOver = call.abortWith(signal)
    call.start()
  })
}

class Collector implements AnswerReceiver {
  readonly #maxBytes: number
  readonly #resolve: (answer: Collected) => void
  readonly #reject: (reason: unknown) => void
  readonly #chunks: Buffer[] = []
  #status = 0
  #fields: AnswerFields = {}
  #size = 0
  call: UpstreamCall | undefined
  /** Is called once it has ended. */
  onOver: () => void = () => undefined

  constructor(maxBytes: number, resolve: (answer: Collected) => void, reject: (reason: unknown) => void) {
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  head(status: number, fields: AnswerFields): void {
    this.#status = status
    this.#fields = fields
  }

  data(chunk: Buffer): boolean {
    this.#size += chunk.byteLength
    if (this.#size <= this.#maxBytes) this.#chunks.push(chunk)
    else {
      const what = this.call?.what ?? 'a request'
      this.call?.refuse(
        new CommunicationError(`${what} was answered with more than ${this.#maxBytes} bytes`, { code: 'COMM_TOO_LARGE' }),
      )
    }
    return true
  }

  end(): void {
    this.onOver()
    this.#resolve({ status: this.#status, fields: this.#fields, body: Buffer.concat(this.#chunks) })
  }

  fail(error: unknown): void {
    this.onOver()
    this.#reject(error)
  }
}
