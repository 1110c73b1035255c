import type { IncomingMessage, ServerResponse } from 'node:http'

/** RFC 9110 9.3.7: `OPTIONS *` asks about the server itself. */
export function answerServerOptions({ method }: IncomingMessage, response: ServerResponse): void {
  if (method === 'OPTIONS') response.writeHead(204, { allow: 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT' }).end()
  else {
    response.writeHead(400, { 'content-type': 'application/problem+json', connection: 'close' })
    response.end(JSON.stringify({ type: 'about:blank', title: 'Bad Request', status: 400, code: 'COMM_REFUSED' }))
  }
}
