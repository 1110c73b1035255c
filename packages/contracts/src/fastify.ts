import { matching } from '@comm/core/schema'
import type { AnyRoute, RouteAnswer, RouteInput, RouteOf } from './route.ts'

interface Reply {
  code(status: number): { send(body?: unknown): unknown }
}

/** What is used of a Fastify request. */
export interface FastifyRequestLike {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

/** What is used of a Fastify instance: written out, so that a user without Fastify need not install its types. */
export interface FastifyLike {
  route(options: {
    method: string
    url: string
    handler: (request: FastifyRequestLike, reply: Reply) => Promise<unknown>
  }): unknown
}

/**
 * Serves a route. What does not match its schemas is refused with a ValidationError, which `commPlugin` of `@comm/http/server` answers as a
 * problem with status 400. An answer goes out as its schema makes it, so with nothing that the contract does not name; one that does not match
 * is a fault of the handler, status 500.
 */
export function fastifyRoute<Params, Query, Body, Answers extends object>(
  app: FastifyLike,
  route: RouteOf<Params, Query, Body, Answers>,
  handler: (input: RouteInput<Params, Query, Body>) => RouteAnswer<NoInfer<Answers>> | Promise<RouteAnswer<NoInfer<Answers>>>,
): void {
  const { method, path, params, query, body } = route
  app.route({
    method,
    url: path,
    handler: async (request, reply) => {
      const input = {
        params: params && (await matching('the path', params, request.params)),
        query: query && (await matching('the query', query, request.query)),
        body: body && (await matching('the body', body, request.body)),
      }
      const { status, body: answer } = (await handler(input as RouteInput<Params, Query, Body>)) as Answered
      return reply.code(status).send(await checked(route as AnyRoute, status, answer))
    },
  })
}

interface Answered {
  readonly status: number
  readonly body?: unknown
}

async function checked({ id, answers }: AnyRoute, status: number, body: unknown): Promise<unknown> {
  const schema = answers[status]
  if (schema === undefined) throw new Error(`${id} answered with ${status}, which its route does not have`)
  try {
    return await matching(`the answer ${status} of ${id}`, schema, body)
  } catch (cause) {
    // Not the caller's fault, as a ValidationError would say.
    throw new Error((cause as Error).message, { cause })
  }
}
