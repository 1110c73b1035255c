import { type Call, systemClock } from '@comm/core'
import { addContextHeaders } from '../src/context-headers.ts'
import type { Exchange } from '../src/exchange.ts'
import type { HttpRequest } from '../src/request.ts'
import { observedExchange, parentOfAttempts } from '../src/telemetry/observed-exchange.ts'

/** What each request has beside its sending: who is its parent, the trace in its headers, span and duration of its attempt. */
export function instrumentation(observed: boolean): () => unknown {
  const answered = Promise.resolve({ status: 200 }) as unknown as ReturnType<Exchange>
  const next: Exchange = () => answered
  const url = new URL('http://orders:8080/orders/7')
  const call = { clock: systemClock, attempt: 1, target: undefined } as Call
  const request = {
    method: 'GET',
    url,
    headers: {},
    service: undefined,
    attemptsBefore: 0,
    parent: undefined,
  } as unknown as HttpRequest
  if (!observed) return () => next({ ...request, headers: {} }, call)
  const exchange = observedExchange(next)
  return () => {
    const parent = parentOfAttempts()
    const headers: Record<string, string> = {}
    addContextHeaders(headers, undefined, undefined, parent !== undefined)
    return exchange({ ...request, headers, parent }, call)
  }
}
