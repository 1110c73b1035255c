import type { IncomingMessage, ServerResponse } from 'node:http'
import { withContext } from '@comm/core'
import type { Gate } from '../gate/gate.ts'
import { admitRequest, checkAccess, type HttpAccessOptions, sendRefusal } from './http-access.ts'

export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>
/** Rejects with what the listener throws, so that `contextHandler` of `@comm/http/server` can stand around it. */
export type GuardedListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/** A listener of `node:http` that sees only requests that were let in, and runs in the call context of their principal. */
export function authHandler(gate: Gate, listener: HttpListener, options: HttpAccessOptions = {}): GuardedListener {
  checkAccess('authHandler', gate, options)
  return async (request, response) => {
    let principal: Awaited<ReturnType<typeof admitRequest>>
    try {
      principal = await admitRequest(gate, request, options)
    } catch (thrown) {
      sendRefusal(request, response, thrown)
      return
    }
    await (principal === undefined ? listener(request, response) : withContext({ principal }, () => listener(request, response)))
  }
}
