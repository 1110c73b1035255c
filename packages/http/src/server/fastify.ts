import type { IncomingMessage, ServerResponse } from 'node:http'
import { logFailure } from './handler.ts'
import { answerOperations } from './operations.ts'
import { resolveServerOptions, type ServerOptions } from './options.ts'
import { problemOf } from './problem.ts'
import { openScope, type RequestScope, runInScope, scopeOf } from './request-context.ts'
import { setRoute } from './route.ts'

interface Request {
  readonly raw: IncomingMessage
  readonly routeOptions?: { readonly url?: string | undefined }
}

interface Reply {
  readonly raw: ServerResponse
  hijack(): unknown
  code(status: number): { headers(headers: Record<string, string>): { send(body: string): unknown } }
}

type Hook = (request: Request, reply: Reply, done: (error?: Error) => void) => void

/** What the plugin uses of a Fastify instance: written out, so that a user without Fastify need not install its types. */
export interface FastifyLike {
  addHook(name: 'onRequest', hook: Hook): unknown
  addHook(name: 'preValidation', hook: Hook): unknown
  setErrorHandler(handler: (error: unknown, request: Request, reply: Reply) => void): unknown
}

export type CommPlugin = (instance: FastifyLike, options: ServerOptions, done: (error?: Error) => void) => void

/**
 * A Fastify 5 plugin: `await app.register(commPlugin, { health })`. Routes run in the call context of their request, and what
 * they throw is answered as a problem document, unless the application sets an error handler of its own afterwards.
 */
export const commPlugin: CommPlugin = Object.assign(
  (instance: FastifyLike, options: ServerOptions, done: (error?: Error) => void): void => {
    const resolved = resolveServerOptions('commPlugin', options)

    instance.addHook('onRequest', (request, reply, next) => {
      if (answerOperations(request.raw, reply.raw, resolved)) {
        reply.hijack()
        return
      }
      let scope: RequestScope
      try {
        scope = openScope(request.raw, reply.raw, resolved)
      } catch (error) {
        return next(error as Error)
      }
      const route = request.routeOptions?.url
      if (route !== undefined) setRoute(request.raw, route)
      runInScope(scope, next)
    })
    // A body parser goes on from an event of the socket, which belongs to no request.
    instance.addHook('preValidation', (request, _reply, next) => {
      const scope = scopeOf(request.raw)
      if (scope === undefined) next()
      else runInScope(scope, next)
    })
    instance.setErrorHandler((error, request, reply) => {
      const { status, headers, problem } = problemOf(error)
      if (!reply.raw.destroyed) logFailure(request.raw, status, error, resolved)
      reply.code(status).headers(headers).send(JSON.stringify(problem))
    })
    done()
  },
  // Fastify's own mark for a plugin whose hooks hold outside of it too.
  { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: '@comm/http' },
)
