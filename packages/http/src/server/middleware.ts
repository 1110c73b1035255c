import type { IncomingMessage, ServerResponse } from 'node:http'
import { fail } from './handler.ts'
import { answerOperations } from './operations.ts'
import { resolveServerOptions, type ServerOptions } from './options.ts'
import { openScope, runInScope } from './request-context.ts'

export type Next = (error?: unknown) => void
/** The shape that Express, Connect and Polka take. */
export type Middleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void
export type ErrorMiddleware = (error: unknown, request: IncomingMessage, response: ServerResponse, next: Next) => void

/** Everything behind it runs in the call context of its request. Put it behind body parsers that lose the context. */
export function contextMiddleware(options: ServerOptions = {}): Middleware {
  const resolved = resolveServerOptions('contextMiddleware', options)
  return (request, response, next) => {
    if (answerOperations(request, response, resolved)) return
    let scope: ReturnType<typeof openScope>
    try {
      scope = openScope(request, response, resolved)
    } catch (error) {
      return next(error)
    }
    runInScope(scope, next)
  }
}

/** Answers what earlier middleware threw, or passed to `next`, as a problem document. Put it last. */
export function problemMiddleware(options: ServerOptions = {}): ErrorMiddleware {
  const resolved = resolveServerOptions('problemMiddleware', options)
  return (error, request, response, _next) => fail(request, response, error, resolved)
}
