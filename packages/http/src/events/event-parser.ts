import { createParser, type EventSourceParser } from 'eventsource-parser'
import type { ServerSentEvent } from './options.ts'

/**
 * Reads events from bytes. The parser works on one character for each byte, so that its limit is one of bytes and a character that is
 * cut in two by the network is whole again when its event is.
 */
export class EventParser {
  /** What the stream is to be gone on from. */
  lastEventId: string
  /** What the server asked for by `retry:`. */
  retryMs: number | undefined
  isTooLarge = false
  readonly #parser: EventSourceParser

  constructor(lastEventId: string, maxEventBytes: number, onEvent: (event: ServerSentEvent) => void) {
    this.lastEventId = lastEventId
    this.#parser = createParser({
      ...(maxEventBytes === Number.POSITIVE_INFINITY ? {} : { maxBufferSize: maxEventBytes }),
      onId: (id) => {
        this.lastEventId = decoded(id)
      },
      // An event that comes in one piece never meets the parser's own limit.
      onEvent: ({ event, data }) => {
        this.isTooLarge ||= data.length > maxEventBytes
        if (this.isTooLarge) return
        onEvent({ event: event === undefined ? 'message' : decoded(event), data: decoded(data), id: this.lastEventId })
      },
      onRetry: (retryMs) => {
        this.retryMs = retryMs
      },
      onError: ({ type }) => {
        if (type === 'max-buffer-size-exceeded') this.isTooLarge = true
      },
    })
  }

  /** Without effect when an event has been too large. */
  feed(bytes: Uint8Array): void {
    if (!this.isTooLarge) this.#parser.feed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))
  }

  /** The stream is asked for anew: what was begun is forgotten. */
  restart(): void {
    this.#parser.reset()
  }
}

function decoded(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString()
}
