import type { IncomingMessage, ServerResponse } from 'node:http'
import { withContext } from '@comm/core'
import type { Gate } from '../gate/gate.ts'
import { admitRequest, checkAccess, type HttpAccessOptions, sendRefusal } from './http-access.ts'

export type Next = (error?: unknown) => void
/** The shape that Express, Connect and Polka take. */
export type AuthMiddleware = (request: IncomingMessage, response: ServerResponse, next: Next) => void

/**
 * What stands behind it sees only requests that were let in, in the call context of their principal. Put it behind `contextMiddleware` of
 * `@comm/http/server`, and behind body parsers that lose the context; or ask `requestPrincipal(request)`.
 */
export function authMiddleware(gate: Gate, options: HttpAccessOptions = {}): AuthMiddleware {
  checkAccess('authMiddleware', gate, options)
  return (request, response, next) => {
    admitRequest(gate, request, options).then(
      (principal) => (principal === undefined ? next() : withContext({ principal }, next)),
      (thrown: unknown) => void sendRefusal(request, response, thrown),
    )
  }
}
