import { EventEmitter } from 'node:events'
import { giveBack, ownsMemory } from './give-back.ts'
import type { InboundRequest } from './request-head.ts'

/** What is read and thrown away of a body that nobody wants, so that the client reads its answer; more, and the connection is cut. */
const MOST_DISCARDED_BYTES = 1024 * 1024

export interface RequestBodyOptions {
  /** As much is kept to be sent again; 0: nothing. */
  readonly replayBytes: number
  /** Called once before the first byte is asked for: `100 Continue`. */
  readonly beforeFirst: (() => void) | undefined
  /** More bytes are an error; Infinity: no limit. */
  readonly maxBytes: number
  /** That limit is passed. */
  readonly onTooLarge: () => void
}

/**
 * The body of a client's request, which is read as fast as a service takes it. Its beginning is kept, so that it can be sent once more as
 * long as that is the whole of what was read.
 */
export class RequestBody {
  readonly #request: InboundRequest
  readonly #options: RequestBodyOptions
  /** Chunks of HTTP/2 may share their memory with those of other streams. */
  readonly #isOfHttp1: boolean
  #kept: Buffer[] | undefined
  #size = 0
  #isEnded = false
  #isStarted = false
  #upload: Upload | undefined
  /** What the attempt took last, if nobody needs it again once it is sent. */
  #lent: Buffer | undefined = undefined
  /** Bytes come from the client only when it sends some: a silence is the client's then. */
  waitsForClient = false

  constructor(request: InboundRequest, options: RequestBodyOptions) {
    this.#request = request
    this.#options = options
    this.#isOfHttp1 = request.httpVersionMajor === 1
    this.#kept = options.replayBytes > 0 ? [] : undefined
  }

  /** Whether the next attempt can have all of it. */
  get isReplayable(): boolean {
    return !this.#isStarted || this.#kept !== undefined
  }

  get bytesRead(): number {
    return this.#size
  }

  /** For an attempt; the one before gets nothing any more. */
  open(): Upload {
    this.#upload?.detach()
    const upload = new Upload(this)
    this.#upload = upload
    return upload
  }

  /** An attempt wants bytes. */
  flow(upload: Upload): void {
    if (this.#lent !== undefined) {
      // It stopped at this chunk, and goes on when the socket has nothing left to write.
      giveBack(this.#lent)
      this.#lent = undefined
      return this.#askClient()
    }
    if (this.#isStarted) {
      // undici listens to the socket only after it has asked for bytes: nothing may come before.
      process.nextTick(this.#replay, upload)
      return
    }
    this.#start()
    this.#askClient()
  }

  readonly #replay = (upload: Upload): void => {
    if (upload !== this.#upload || upload.isPaused) return
    for (let next = upload.replayed; this.#kept !== undefined && next < this.#kept.length; next = upload.replayed) {
      upload.replayed++
      upload.emit('data', this.#kept[next])
      if (upload.isPaused || upload !== this.#upload) return
    }
    if (this.#isEnded) return upload.finish()
    this.#askClient()
  }

  #askClient(): void {
    this.waitsForClient = true
    this.#request.resume()
  }

  hold(): void {
    this.waitsForClient = false
    this.#request.pause()
  }

  /** Reads the rest and throws it away. */
  discard(): void {
    this.#upload?.detach()
    this.#upload = undefined
    this.#kept = undefined
    if (this.#isEnded) return
    if (!this.#isStarted) this.#start()
    this.#request.resume()
  }

  #start(): void {
    this.#isStarted = true
    this.#options.beforeFirst?.()
    this.#request.on('data', this.#data)
    this.#request.on('end', this.#end)
  }

  readonly #data = (chunk: Buffer): void => {
    this.#size += chunk.byteLength
    const upload = this.#upload
    if (upload === undefined) {
      if (this.#size > this.#options.maxBytes || this.#size > MOST_DISCARDED_BYTES) this.#request.destroy()
      return
    }
    if (this.#size > this.#options.maxBytes) return this.#options.onTooLarge()
    if (this.#kept !== undefined) {
      if (this.#size <= this.#options.replayBytes) {
        this.#kept.push(chunk)
        upload.replayed++
      } else this.#kept = undefined
    }
    upload.emit('data', chunk)
    if (upload.isPaused && this.#kept === undefined && this.#isOfHttp1 && ownsMemory(chunk)) this.#lent = chunk
  }

  readonly #end = (): void => {
    this.#isEnded = true
    this.waitsForClient = false
    this.#upload?.finish()
  }
}

/** The body as one attempt sends it: as much of a stream as undici asks for, and destroying it destroys nothing of the client's. */
export class Upload extends EventEmitter {
  readonly #body: RequestBody
  #isDetached = false
  #isFinished = false
  /** How many of the kept pieces it has been given. */
  replayed = 0
  isPaused = true
  destroyed = false

  constructor(body: RequestBody) {
    super()
    this.#body = body
  }

  /** Marks it as a stream. */
  pipe(): never {
    throw new Error('an upload is read by its events')
  }

  resume(): void {
    if (this.#isDetached || !this.isPaused) return
    this.isPaused = false
    this.#body.flow(this)
  }

  pause(): void {
    if (this.#isDetached || this.isPaused) return
    this.isPaused = true
    this.#body.hold()
  }

  finish(): void {
    if (this.#isDetached || this.#isFinished) return
    this.#isFinished = true
    this.emit('end')
  }

  detach(): void {
    this.#isDetached = true
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    if (!this.isPaused) this.pause()
    this.#isDetached = true
  }
}
