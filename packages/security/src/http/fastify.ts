import type { IncomingMessage } from 'node:http'
import { withContext } from '@comm/core'
import { answerOf } from '../gate/answer.ts'
import type { Gate } from '../gate/gate.ts'
import type { Policy } from '../policy/policy.ts'
import { admitRequest, checkAccess, type HttpAccessOptions, requestPrincipal } from './http-access.ts'

interface Request {
  readonly raw: IncomingMessage
  readonly routeOptions?: { readonly config?: unknown }
}

interface Reply {
  code(status: number): { headers(headers: Record<string, string>): { send(body: string): unknown } }
}

type Hook = (request: Request, reply: Reply, done: (error?: Error) => void) => void

/** What the plugin uses of a Fastify instance: written out, so that a user without Fastify need not install its types. */
export interface FastifyLike {
  addHook(name: 'onRequest', hook: Hook): unknown
  addHook(name: 'preValidation', hook: Hook): unknown
}

export interface AuthPluginOptions extends HttpAccessOptions {
  readonly gate: Gate
}

export type AuthPlugin = (instance: FastifyLike, options: AuthPluginOptions, done: (error?: Error) => void) => void

/** What a route says in its `config.auth`: false, it is public; a policy in place of the gate's. */
export type RouteAuth = false | Policy

/**
 * A Fastify 5 plugin: `await app.register(authPlugin, { gate })`, after `commPlugin` of `@comm/http/server` where that is used. Routes see
 * only requests that were let in. A route without `config: { auth }` is under the gate's policy.
 */
export const authPlugin: AuthPlugin = Object.assign(
  (instance: FastifyLike, options: AuthPluginOptions, done: (error?: Error) => void): void => {
    const { gate, ...access } = options
    checkAccess('authPlugin', gate, access)

    instance.addHook('onRequest', (request, reply, next) => {
      const auth = routeAuth(request)
      if (auth === false) return next()
      const policy = auth ?? access.policy
      admitRequest(gate, request.raw, { ...access, ...(policy === undefined ? {} : { policy }) }).then(
        () => inContext(request, next),
        (thrown: unknown) => {
          const { status, headers, body } = answerOf(thrown)
          reply.code(status).headers(headers).send(body)
        },
      )
    })
    // A body parser goes on from an event of the socket, which belongs to no request.
    instance.addHook('preValidation', (request, _reply, next) => inContext(request, next))
    done()
  },
  // Fastify's own mark for a plugin whose hooks hold outside of it too.
  { [Symbol.for('skip-override')]: true, [Symbol.for('fastify.display-name')]: '@comm/security' },
)

/** Anything but false and a function is as good as nothing: a misspelt setting must not open a route. */
function routeAuth({ routeOptions }: Request): RouteAuth | undefined {
  const { auth } = Object(routeOptions?.config) as { readonly auth?: unknown }
  return auth === false || typeof auth === 'function' ? (auth as RouteAuth) : undefined
}

function inContext(request: Request, next: () => void): void {
  const principal = requestPrincipal(request)
  if (principal === undefined) next()
  else withContext({ principal }, next)
}
