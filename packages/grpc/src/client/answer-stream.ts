import type { Call } from '@comm/core'
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js'
import { type Attempt, attempt } from './attempt.ts'
import type { Outgoing } from './outgoing.ts'

/** So many messages are read ahead of who takes them; HTTP/2's flow control holds back the others. */
const READ_AHEAD = 16

interface Waiter {
  resolve(result: IteratorResult<unknown>): void
  reject(error: unknown): void
}

const DONE: IteratorResult<unknown> = Object.freeze({ value: undefined, done: true })

/** The answers of one attempt, in order. */
export class AnswerStream {
  readonly #attempt: Attempt
  readonly #stream: ClientReadableStream<unknown>
  readonly #queue: unknown[] = []
  readonly #waiters: Waiter[] = []
  #isPaused = false
  #isEnded = false
  #listeners: ((error: unknown) => void)[] = []
  #endedWith: unknown
  /** What it ended with, once everything before has been taken. */
  #failure: { readonly error: unknown } | undefined

  constructor(made: Attempt, stream: ClientReadableStream<unknown>) {
    this.#attempt = made
    this.#stream = stream
    stream.on('data', (message: unknown) => this.#take(message))
    stream.on('error', (error: ServiceError) => {
      // What it is cancelled with has been told already.
      if (!this.#isEnded) this.#failure ??= { error: made.errorOf(error) }
    })
    stream.on('status', () => made.over())
    stream.once('end', () => this.#end())
  }

  next(): Promise<IteratorResult<unknown>> {
    const queue = this.#queue
    if (queue.length > 0) {
      const value = queue.shift()
      if (this.#isPaused && queue.length < READ_AHEAD / 2) {
        this.#isPaused = false
        this.#stream.resume()
      }
      return Promise.resolve({ value, done: false })
    }
    if (this.#isEnded) return this.#conclusion()
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** Calls back once it has ended, at once when it has. @param listener is given what it failed with */
  whenOver(listener: (error: unknown) => void): void {
    if (this.#isEnded) listener(this.#endedWith)
    else this.#listeners.push(listener)
  }

  /** Ends it now: whoever waits gets this error, what has not been taken is dropped. Without an error it just ends. */
  abandon(failure?: { readonly error: unknown }): void {
    if (this.#isEnded && this.#queue.length === 0) return
    this.#queue.length = 0
    this.#failure = failure
    this.#attempt.cancel()
    this.#attempt.over()
    // What is still on its way has to be read, or the stream would never close.
    this.#stream.resume()
    this.#end()
  }

  #take(message: unknown): void {
    if (this.#isEnded) return
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) return waiter.resolve({ value: message, done: false })
    this.#queue.push(message)
    if (this.#queue.length < READ_AHEAD) return
    this.#isPaused = true
    this.#stream.pause()
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#attempt.over()
    this.#endedWith = this.#failure?.error
    for (const listener of this.#listeners) listener(this.#endedWith)
    this.#listeners = []
    for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) {
      this.#conclusion().then(waiter.resolve, waiter.reject)
    }
  }

  /** The failure is told once; after it the stream is just over, like a generator. */
  #conclusion(): Promise<IteratorResult<unknown>> {
    const failure = this.#failure
    this.#failure = undefined
    return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure.error)
  }
}

/** A stream whose first answer has come in, or which has ended without one. */
export class OpenedStream {
  readonly stream: AnswerStream
  readonly first: IteratorResult<unknown>
  /** From here on only the caller ends it. */
  readonly unbind: () => void

  constructor(stream: AnswerStream, first: IteratorResult<unknown>, unbind: () => void) {
    this.stream = stream
    this.first = first
    this.unbind = unbind
  }
}

/** Resolves with the first answer: up to there the call can be made again. */
export function openStream(outgoing: Outgoing, call: Call): Promise<OpenedStream> {
  return attempt(outgoing, call, async (made, metadata) => {
    const { method, request, requests } = outgoing
    const { client } = made.channel
    const { path, serializeRequest, deserializeResponse } = method
    let surface: ClientReadableStream<unknown>
    let stream: AnswerStream
    if (requests === undefined) {
      surface = client.makeServerStreamRequest(path, (bytes: Buffer) => bytes, deserializeResponse, request as Buffer, metadata)
      stream = new AnswerStream(made, surface)
    } else {
      const duplex = client.makeBidiStreamRequest(path, serializeRequest, deserializeResponse, metadata)
      surface = duplex
      stream = new AnswerStream(made, duplex)
      requests.pump(duplex, made.stopped).catch((thrown: unknown) => stream.abandon({ error: thrown }))
    }
    made.follow(surface)
    const first = await stream.next()
    return new OpenedStream(stream, first, () => made.unbind())
  })
}
