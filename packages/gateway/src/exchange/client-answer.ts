import { pipeline, type Readable } from 'node:stream'
import { CommunicationError, newCorrelationId } from '@comm/core'
import { problemOf } from '@comm/http/server'
import { type AnswerFields, fieldsForClient, setField, trailersForClient, withoutTrailer } from '../message/answer-fields.ts'
import { giveBack, ownsMemory } from '../message/give-back.ts'
import { RequestBody } from '../message/request-body.ts'
import type { InboundRequest } from '../message/request-head.ts'
import type { Route } from '../routing/route.ts'
import { without } from '../steps/cors.ts'
import type { AnswerReceiver } from '../upstream/receiver.ts'
import type { UpstreamCall } from '../upstream/upstream-call.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { addTrailers, isFinished, type OutboundResponse, writeHead } from './write-head.ts'

/** A body of no more than this costs HTTP/1 less as text in one write with the head than as a buffer behind it. */
const MOST_BYTES_WITH_HEAD = 4096

/** The answer to one request of a client, wherever it comes from: a service, a step, or what went wrong. */
export abstract class ClientAnswer implements AnswerReceiver {
  readonly parts: ExchangeParts
  readonly request: InboundRequest
  readonly response: OutboundResponse
  readonly startedAt: number
  readonly requestId: string
  readonly method: string
  correlationId: string
  route: Route | undefined = undefined
  /** The client's, as it is sent on: read as it comes, or read by a step before. */
  body: RequestBody | Uint8Array | undefined = undefined
  /** Makes another body of the whole body of the answer. */
  transformBody: ((body: Buffer, status: number) => Uint8Array | string | Promise<Uint8Array | string>) | undefined = undefined
  call: UpstreamCall | undefined = undefined
  /** Of the answer; 0 while there is none. */
  status = 0
  bytesSent = 0
  /** Why there was no answer of a service. */
  error: unknown = undefined
  isClosed = false
  #waitsForDrain = false
  #extra: string[] | undefined = undefined
  #gone: AbortController | undefined = undefined
  #hooked: Hooked | undefined = undefined
  /** The whole body, until the service says that this was all. */
  #whole: Buffer | undefined = undefined
  #declaredBytes: number | undefined = undefined

  constructor(parts: ExchangeParts, request: InboundRequest, response: OutboundResponse) {
    this.parts = parts
    this.request = request
    this.response = response
    this.startedAt = parts.clock.now()
    this.method = request.method ?? 'GET'
    this.requestId = newCorrelationId()
    this.correlationId = this.requestId
  }

  /** What the steps of the route make of the fields of an answer. */
  protected abstract throughSteps(fields: string[]): string[]
  /** The client is not told all of it. */
  protected abstract tellFailure(error: unknown): void
  /** Nothing more comes. */
  protected abstract tellEnd(): void

  /** Fields of the answer that steps add, names and values in turn. */
  get extra(): string[] {
    this.#extra ??= []
    return this.#extra
  }

  /** Aborts when the client has left, or waits no longer, before it had its answer. */
  get signal(): AbortSignal {
    this.#gone ??= new AbortController()
    return this.#gone.signal
  }

  /** For steps: whatever waits for the signal is given up. */
  protected giveUp(reason: unknown): void {
    this.#gone?.abort(reason)
  }

  /** For steps: answers in place of the service. */
  respond(status: number, fields: string[], body: Uint8Array | string): void {
    if (this.isClosed || this.response.headersSent) return
    this.status = status
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const own = without(fields, (name) => name === 'content-length')
    if (status !== 204 && status !== 304) own.push('content-length', String(bytes.byteLength))
    this.bytesSent = bytes.byteLength
    this.#writeHead(status, own)
    this.response.end(this.method === 'HEAD' ? '' : bytes)
    this.#discard()
  }

  /** For steps: likewise, with a body that is still coming. */
  pipe(status: number, fields: string[], body: Readable): void {
    if (this.isClosed) {
      body.destroy()
      return
    }
    this.status = status
    this.#writeHead(status, fields)
    setImmediate(sendHead, this)
    body.on('data', (chunk: Buffer) => {
      this.bytesSent += chunk.byteLength
    })
    pipeline(body, this.response, (error) => {
      if (error) this.error = error
    })
  }

  head(status: number, received: AnswerFields): void {
    const fields = fieldsForClient(received)
    this.status = status
    if (this.transformBody !== undefined && this.method !== 'HEAD' && received['content-encoding'] === undefined) {
      this.#hooked = { fields, chunks: [] }
      return
    }
    const length = received['content-length']
    if (typeof length === 'string' && this.request.httpVersionMajor === 1) this.#declaredBytes = Number(length)
    this.#writeHead(status, fields)
    // A stream may be silent for long: then its head goes alone, which Node would keep until there is a body.
    if (length === undefined) process.nextTick(sendHead, this)
  }

  #writeHead(status: number, received: string[]): void {
    const fields = this.throughSteps(received)
    if (this.#extra !== undefined) fields.push(...this.#extra)
    setField(fields, this.parts.correlationName, this.correlationId)
    withoutTrailer(fields, status !== 204 && status !== 304 && this.method !== 'HEAD' && this.request.httpVersion !== '1.0')
    writeHead(this.response, status, fields)
  }

  data(chunk: Buffer): boolean {
    if (this.#hooked !== undefined) {
      this.#hooked.chunks.push(chunk)
      return true
    }
    this.bytesSent += chunk.byteLength
    if (chunk.byteLength === this.#declaredBytes && chunk.byteLength <= MOST_BYTES_WITH_HEAD) {
      this.#whole = chunk
      return true
    }
    if (ownsMemory(chunk) ? this.#lend(chunk) : this.response.write(chunk)) return true
    if (!this.#waitsForDrain) {
      this.#waitsForDrain = true
      this.response.once('drain', () => this.#drained())
    }
    return false
  }

  #lend(chunk: Buffer): boolean {
    const { response } = this
    // Of HTTP/2 the write ends before the last byte is out of our hands.
    if (this.request.httpVersionMajor === 2) return response.write(chunk)
    return response.write(chunk, (error) => {
      if (!error) giveBack(chunk)
    })
  }

  end(trailers: AnswerFields | undefined): void {
    if (this.#hooked !== undefined) return this.#transform(this.#hooked)
    if (trailers !== undefined) addTrailers(this.response, trailersForClient(trailers))
    if (this.#whole === undefined) this.response.end()
    else this.response.end(this.#whole.toString('latin1'), 'latin1')
    this.#discard()
  }

  #transform({ fields, chunks }: Hooked): void {
    const made = Promise.resolve(Buffer.concat(chunks)).then((body) => this.transformBody?.(body, this.status) ?? body)
    made.then((body) => this.respond(this.status, fields, body)).catch((thrown: unknown) => this.fail(thrown))
  }

  #discard(): void {
    if (this.body instanceof RequestBody) this.body.discard()
  }

  /** There is no answer to send on: tells the client why, or cuts what has begun, so that nobody takes a part for the whole. */
  fail(error: unknown): void {
    this.error = error
    const { response } = this
    if (this.isClosed || response.destroyed) return
    if (response.headersSent) {
      response.destroy()
      return
    }
    const { status, headers, problem } = problemOf(error, this.correlationId)
    this.status = status
    if (status >= 500) this.tellFailure(error)
    const fallback = this.route?.fallback
    if (fallback !== undefined && status >= 500) {
      this.respond(fallback.status, [...fallback.fields], fallback.body)
      return
    }
    const text = JSON.stringify(problem)
    const fields = Object.entries(headers).flat()
    fields.push(...this.extra, 'content-length', String(Buffer.byteLength(text)), this.parts.correlationName, this.correlationId)
    // What was refused before it had a route may not be what it seems: nobody knows where the next request begins. 408: RFC 9110 15.5.9.
    const isLast = status === 408 || (this.route === undefined && status !== 404)
    if (isLast && this.request.httpVersionMajor === 1) fields.push('connection', 'close')
    // Of an answer whose head turned out to be one that cannot be sent.
    if (this.request.httpVersionMajor === 1) response.statusMessage = ''
    writeHead(response, status, fields)
    response.end(this.method === 'HEAD' ? '' : text)
    this.#discard()
  }

  /** The response is with the client, or the client is gone. */
  closed(): void {
    if (this.isClosed) return
    this.isClosed = true
    if (!isFinished(this.response)) {
      this.call?.abort()
      this.giveUp(new CommunicationError('the client has left', { code: 'COMM_ABORTED' }))
    }
    this.tellEnd()
  }

  /** Milliseconds since it began. */
  get durationMs(): number {
    return this.parts.clock.now() - this.startedAt
  }

  /** The client left before it had the whole answer. */
  get isAborted(): boolean {
    return this.isClosed && !isFinished(this.response)
  }

  #drained(): void {
    this.#waitsForDrain = false
    this.call?.resume()
  }
}

function sendHead({ bytesSent, response }: ClientAnswer): void {
  if (bytesSent === 0 && !response.writableEnded) response.flushHeaders()
}

interface Hooked {
  readonly fields: string[]
  readonly chunks: Buffer[]
}
