import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { answerOperations } from './operations.ts'
import { type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.ts'
import { sendProblem } from './problem.ts'
import { openScope, type RequestScope, runInScope } from './request-context.ts'

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/**
 * Wraps a listener of `node:http`: it runs in the call context of its request, and what it throws, or rejects with, is
 * answered as a problem document.
 */
export function contextHandler(listener: RequestHandler, options: ServerOptions = {}): RequestListener {
  const resolved = resolveServerOptions('contextHandler', options)
  return (request, response) => {
    if (answerOperations(request, response, resolved)) return
    let scope: RequestScope
    try {
      scope = openScope(request, response, resolved)
    } catch (error) {
      return fail(request, response, error, resolved)
    }
    runInScope(scope, () => {
      try {
        listener(request, response)?.catch((error: unknown) => fail(request, response, error, resolved))
      } catch (error) {
        fail(request, response, error, resolved)
      }
    })
  }
}

/** Answers a request whose handling failed, and logs what was the service's own failure: the client does not see it. */
export function fail(request: IncomingMessage, response: ServerResponse, error: unknown, options: ResolvedServerOptions): void {
  const clientIsGone = response.destroyed
  const { status } = sendProblem(response, error)
  if (!clientIsGone) logFailure(request, status, error, options)
}

export function logFailure(request: IncomingMessage, status: number, error: unknown, { logger }: ResolvedServerOptions): void {
  if (status >= 500) logger.error(`${request.method} ${request.url?.split('?', 1)[0]} failed`, { error, status })
}
