import { CommunicationError } from '@comm/core'
import type { ServerSentEvent } from './options.ts'
import { type EventsParts, readEvents } from './read-events.ts'

/** The event streams that a client reads: it waits for calls when it closes, but these would not end by themselves. */
export class EventStreams {
  readonly #open = new Set<AbortController>()

  /** @throws CommunicationError COMM_CLOSED when the client closes meanwhile */
  async *read(
    parts: Omit<EventsParts, 'signal'>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ServerSentEvent, void, undefined> {
    const own = new AbortController()
    const abort = (): void => own.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
    this.#open.add(own)
    try {
      yield* readEvents({ ...parts, signal: own.signal })
    } catch (error) {
      throw own.signal.reason instanceof Closed ? own.signal.reason : error
    } finally {
      this.#open.delete(own)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends them all. */
  close(): void {
    for (const each of this.#open) each.abort(new Closed())
  }
}

class Closed extends CommunicationError {
  constructor() {
    super('the stream of events ended: the client is closed', { code: 'COMM_CLOSED' })
  }
}
