import { checkOptions, either, number, object, oneOf, type Rules, text, withDefaults } from '@comm/core/options'
import type { RequestOptions } from '../client-options.ts'

/** An event of a stream (WHATWG HTML, 9.2 "Server-sent events"). */
export interface ServerSentEvent {
  /** Its type. @default 'message' */
  readonly event: string
  readonly data: string
  /** The last id that the stream has named, with this event or before; empty when it has none. */
  readonly id: string
}

export interface ReconnectOptions {
  /** Before the stream is asked for again, unless the server says `retry:`. Doubled after each failure in a row. @default 3000 */
  readonly delayMs?: number
  /** The longest wait, also when the server asks for a longer one. @default 60000 */
  readonly maxDelayMs?: number
  /** So many failures in a row end it: no connection, or one that brought no event. @default 10 */
  readonly maxFailures?: number
}

export interface EventsOptions extends Omit<RequestOptions, 'cache' | 'throwHttpErrors'> {
  /** @default 'GET' */
  readonly method?: string
  /** Where to go on from. @default '' */
  readonly lastEventId?: string
  /** A larger event is COMM_TOO_LARGE. @default 1048576 */
  readonly maxEventBytes?: number
  /** False: the iteration ends when the server ends the stream, and a broken connection is an error. */
  readonly reconnect?: false | ReconnectOptions
}

export const RECONNECT_DEFAULTS: Readonly<Required<ReconnectOptions>> = Object.freeze({
  delayMs: 3000,
  maxDelayMs: 60_000,
  maxFailures: 10,
})

/** A stream has no end, and a server that has nothing to say sends a comment every 15 seconds or so (WHATWG HTML, 9.2.7). */
const STREAM_TIMEOUTS = Object.freeze({ totalMs: Number.POSITIVE_INFINITY, readMs: 60_000 })
const MOST_EVENT_BYTES = 1024 * 1024

type OwnOptions = Pick<EventsOptions, 'method' | 'lastEventId' | 'maxEventBytes' | 'reconnect'>

const OWN_RULES: Rules<OwnOptions> = {
  method: text,
  lastEventId: text,
  maxEventBytes: number({ min: 1, infinite: true }),
  reconnect: either(oneOf(false), object),
}
const RECONNECT_RULES: Rules<ReconnectOptions> = {
  delayMs: number({ min: 0 }),
  maxDelayMs: number({ min: 0 }),
  maxFailures: number({ min: 0, integer: true, infinite: true }),
}

export interface ResolvedEvents {
  readonly method: string
  readonly lastEventId: string
  readonly maxEventBytes: number
  readonly reconnect: Required<ReconnectOptions> | undefined
  readonly request: RequestOptions
}

/** @throws ConfigurationError */
export function resolveEvents(options: EventsOptions): ResolvedEvents {
  const { method = 'GET', lastEventId = '', maxEventBytes = MOST_EVENT_BYTES, reconnect = {}, ...request } = options
  checkOptions<OwnOptions>('events', { method, lastEventId, maxEventBytes, reconnect }, OWN_RULES)
  if (reconnect !== false) checkOptions('events.reconnect', reconnect, RECONNECT_RULES)
  return {
    method,
    lastEventId,
    maxEventBytes,
    reconnect: reconnect === false ? undefined : withDefaults(RECONNECT_DEFAULTS, reconnect),
    request: {
      maxResponseBytes: Number.POSITIVE_INFINITY,
      ...request,
      cache: false,
      throwHttpErrors: true,
      timeout: withDefaults(STREAM_TIMEOUTS, request.timeout ?? {}),
    },
  }
}
