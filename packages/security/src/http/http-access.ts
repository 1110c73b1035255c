import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Principal } from '@comm/core'
import { callable, checkArgument, checkOptions, withMethods } from '@comm/core/options'
import { answerOf, type RefusalAnswer } from '../gate/answer.ts'
import { type Credentials, peerCertificate } from '../gate/credentials.ts'
import type { Gate } from '../gate/gate.ts'
import type { AccessRequest, Policy } from '../policy/policy.ts'

export interface HttpAccessOptions {
  /** Requests that anybody may make, such as those of a health check. @default none */
  readonly isPublic?: (request: IncomingMessage) => boolean
  /** In place of the gate's policy. */
  readonly policy?: Policy
  /** What else policies may ask for: `request.attributes` of a condition. @default nothing */
  readonly attributes?: (request: IncomingMessage) => Readonly<Record<string, unknown>>
}

export function checkAccess(what: string, gate: Gate, options: HttpAccessOptions): void {
  checkArgument(`${what} gate`, gate, withMethods('a Gate made by gate()', 'admit'))
  checkOptions<HttpAccessOptions>(what, options, { isPublic: callable, policy: callable, attributes: callable })
}

const principals = new WeakMap<object, Principal>()

/**
 * The principal of a request of `node:http`, Express or Fastify that was let in; undefined for a public one. `currentPrincipal()` of
 * `@comm/core` is the same where the context of the call was not lost.
 */
export function requestPrincipal(request: object): Principal | undefined {
  const { raw } = request as { readonly raw?: object }
  return principals.get(raw ?? request)
}

/** @returns undefined for a public request @throws what the gate throws */
export async function admitRequest(
  gate: Gate,
  request: IncomingMessage,
  { attributes, isPublic, policy }: HttpAccessOptions,
): Promise<Principal | undefined> {
  if (isPublic?.(request)) return undefined
  const access: AccessRequest = {
    action: request.method ?? 'GET',
    resource: pathOf(request),
    ...(attributes === undefined ? {} : { attributes: attributes(request) }),
  }
  const principal = await gate.admit(credentialsOf(request), access, policy)
  principals.set(request, principal)
  return principal
}

/**
 * The path as routers and file systems see it: `..` resolved, percent-encoding undone, so that `/public/%2e%2e/admin` is `/admin`. A query
 * is no part of it: it may hold secrets.
 */
function pathOf(request: IncomingMessage): string {
  // Express takes the mount point off `url`.
  const { originalUrl, url = '/' } = request as IncomingMessage & { readonly originalUrl?: string }
  const target = originalUrl ?? url
  try {
    // Not relative to a base: `//admin/x` would be the path `/x` of a host, and some routers take it for `/admin/x`.
    const absolute = target.startsWith('/') ? `http://localhost${target}` : target
    return decodeURIComponent(new URL(absolute).pathname)
  } catch {
    return target.split('?', 1)[0] as string
  }
}

function credentialsOf(request: IncomingMessage): Credentials {
  const { headersDistinct, headers, socket } = request as Partial<IncomingMessage>
  const certificate = socket === undefined ? undefined : peerCertificate(socket)
  const address = socket?.remoteAddress
  return {
    // Of two credentials nobody knows which one another party has looked at.
    header(name) {
      const all = headersDistinct?.[name]
      if (all !== undefined) return all.length === 1 ? all[0] : undefined
      const value = headers?.[name]
      return typeof value === 'string' ? value : undefined
    },
    ...(certificate === undefined ? {} : { certificate }),
    ...(address === undefined ? {} : { address }),
  }
}

/** Answers a request that was not let in, and keeps nothing of its body. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, thrown: unknown): RefusalAnswer {
  const answer = answerOf(thrown)
  if (response.headersSent) response.destroy()
  else {
    response.writeHead(answer.status, answer.headers).end(answer.body)
    request.resume()
  }
  return answer
}
