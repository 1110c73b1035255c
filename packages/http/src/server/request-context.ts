import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type CallContext,
  CommunicationError,
  currentContext,
  DEADLINE_HEADER,
  DEFAULT_CORRELATION_HEADER,
  isCorrelationId,
  newCorrelationId,
  runInContext,
  TimeoutError,
} from '@comm/core'
import { type Context, context, propagation, trace } from '@opentelemetry/api'
import { observeRequest } from './observed-request.ts'
import type { ResolvedServerOptions } from './options.ts'

const DEADLINE_NAME = DEADLINE_HEADER.toLowerCase()

/** Everything that the code of one request runs in. */
export interface RequestScope {
  readonly call: CallContext
  /** With the span of this request, or without an SDK that traces the trace of the caller, unless an instrumentation has restored it. */
  readonly trace: Context
}

const opened = new WeakMap<IncomingMessage, RequestScope>()

/** The innermost one that was opened for the request. */
export function scopeOf(request: IncomingMessage): RequestScope | undefined {
  return opened.get(request)
}

/**
 * Reads what travelled with a request: a correlation id (a new one for none or for one that is not short and printable), the
 * time that the caller still waits, and its trace. The context's signal aborts when the client goes away before it has its
 * answer. The correlation id is echoed on the response. A request has one scope: where a server wraps a framework that has a plugin of its own,
 * the inner one goes on in the context that it finds, to which what stands between them may have added, such as a principal.
 *
 * @throws TimeoutError COMM_DEADLINE_EXCEEDED when the caller has no time left
 */
export function openScope(request: IncomingMessage, response: ServerResponse, options: ResolvedServerOptions): RequestScope {
  const outside = opened.get(request)
  const scope =
    outside === undefined ? newScope(request, response, options) : { ...outside, call: currentContext() ?? outside.call }
  opened.set(request, scope)
  return scope
}

function newScope(request: IncomingMessage, response: ServerResponse, options: ResolvedServerOptions): RequestScope {
  const { correlationHeader, clock } = options
  const received = request.headers[correlationHeader.toLowerCase()]
  const correlationId = isCorrelationId(received) ? received : newCorrelationId()
  response.setHeader(correlationHeader, correlationId)
  const outer = context.active()
  const within = trace.getSpan(outer) === undefined ? propagation.extract(outer, request.headers) : outer
  const observed = observeRequest(request, response, within, clock)
  const remainingMs = remainingTime(request)
  if (remainingMs === 0) {
    throw new TimeoutError('the deadline of the request had passed when it came in', { code: 'COMM_DEADLINE_EXCEEDED' })
  }
  return {
    call: {
      correlationId,
      signal: signalOf(request, response),
      ...(remainingMs === undefined ? {} : { deadlineAt: clock.now() + remainingMs }),
      ...(correlationHeader === DEFAULT_CORRELATION_HEADER ? {} : { correlationHeader }),
    },
    trace: observed,
  }
}

export function runInScope<Result>(scope: RequestScope, fn: () => Result): Result {
  if (scope.trace === context.active()) return runInContext(scope.call, fn)
  return context.with(scope.trace, () => runInContext(scope.call, fn))
}

/** Whole milliseconds; anything else in the header is as good as none. */
function remainingTime({ headers }: IncomingMessage): number | undefined {
  const header = headers[DEADLINE_NAME]
  return typeof header === 'string' && /^\d{1,10}$/.test(header) ? Number(header) : undefined
}

function signalOf(request: IncomingMessage, response: ServerResponse): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => {
    if (response.writableFinished) return
    const what = `${request.method} ${request.url?.split('?', 1)[0]}`
    controller.abort(new CommunicationError(`the client went away before ${what} was answered`, { code: 'COMM_ABORTED' }))
  })
  return controller.signal
}
