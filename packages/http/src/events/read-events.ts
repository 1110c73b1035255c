import { type Clock, CommunicationError, pause } from '@comm/core'
import { describeValue } from '@comm/core/options'
import { abortError } from '../call-errors.ts'
import type { RequestOptions } from '../client-options.ts'
import type { HttpStreamResponse } from '../response.ts'
import { displayUrl } from '../url.ts'
import { EventParser } from './event-parser.ts'
import type { ResolvedEvents, ServerSentEvent } from './options.ts'

const EVENT_STREAM = /^text\/event-stream\s*(;|$)/i
/** After a connection that brought nothing, whatever the server says: it may say 0 and then be down. */
const SHORTEST_IDLE_DELAY_MS = 100

export interface EventsParts extends ResolvedEvents {
  /** Asks for the stream. */
  readonly open: (method: string, request: RequestOptions) => Promise<HttpStreamResponse>
  readonly signal: AbortSignal
  readonly clock: Clock
}

/** The events of a stream, asked for again from the last of them when it ends or breaks, until the server answers 204. */
export async function* readEvents(parts: EventsParts): AsyncGenerator<ServerSentEvent, void, undefined> {
  const { method, request, reconnect, maxEventBytes, signal, clock, open } = parts
  const arrived: ServerSentEvent[] = []
  const parser = new EventParser(parts.lastEventId, maxEventBytes, (event) => arrived.push(event))
  let last: HttpStreamResponse | undefined
  let failures = 0
  for (;;) {
    let hasBrought = false
    try {
      await using answer = await open(method, { ...withHeaders(request, parser.lastEventId), signal })
      if (answer.status === 204) return
      checkStream(answer)
      last = answer
      parser.restart()
      for await (const chunk of answer.body) {
        parser.feed(chunk as Uint8Array)
        hasBrought ||= arrived.length > 0
        yield* arrived.splice(0)
        if (parser.isTooLarge) throw tooLarge(answer, maxEventBytes)
      }
      if (reconnect === undefined) return
      failures = 0
    } catch (error) {
      if (reconnect === undefined || last === undefined || signal.aborted || !isWorthwhile(error)) throw error
      failures = hasBrought ? 1 : failures + 1
      if (failures > reconnect.maxFailures) throw error
    }
    const askedMs = parser.retryMs ?? reconnect.delayMs
    const delayMs = (hasBrought ? askedMs : Math.max(askedMs, SHORTEST_IDLE_DELAY_MS)) * 2 ** Math.max(0, failures - 1)
    if (!(await pause(clock, Math.min(delayMs, reconnect.maxDelayMs), signal))) throw abortError(last, signal.reason)
  }
}

function withHeaders(request: RequestOptions, lastEventId: string): RequestOptions {
  const headers: Record<string, string | number | undefined> = {
    accept: 'text/event-stream',
    'cache-control': 'no-store',
    ...request.headers,
  }
  // Header values are bytes; the id is text (WHATWG HTML, 9.2.3: "UTF-8 encoded").
  if (lastEventId !== '') headers['last-event-id'] = Buffer.from(lastEventId).toString('latin1')
  return { ...request, headers }
}

/** What may be gone next time; a limit of the caller's is not. */
function isWorthwhile(error: unknown): boolean {
  return error instanceof CommunicationError && error.retryable && error.details['limit'] !== 'total'
}

function checkStream({ method, url, status, headers }: HttpStreamResponse): void {
  const type = headers['content-type'] ?? ''
  if (status === 200 && EVENT_STREAM.test(type)) return
  throw new CommunicationError(
    `${method} ${displayUrl(url)} was answered ${status} with ${type === '' ? 'no content type' : describeValue(type)}, expected 200 with text/event-stream`,
    { code: 'COMM_UNDECODABLE', details: { method, url: displayUrl(url), status, contentType: type } },
  )
}

function tooLarge({ method, url }: HttpStreamResponse, maxEventBytes: number): CommunicationError {
  return new CommunicationError(
    `${method} ${displayUrl(url)} sent an event of more than ${maxEventBytes} bytes (maxEventBytes)`,
    {
      code: 'COMM_TOO_LARGE',
      details: { method, url: displayUrl(url), maxEventBytes },
    },
  )
}
