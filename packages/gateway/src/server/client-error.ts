import { STATUS_CODES } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import type { Socket } from 'node:net'

interface ServerSocket extends Socket {
  /** Of Node: the answer that is under way on the connection. */
  readonly _httpMessage?: { readonly headersSent: boolean } | null
}

/** RFC 6585 5, RFC 9110 15.5.14, and what Node says of slow clients. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/** Answers what is not HTTP, or too much of it, and cuts the connection: nobody knows where the next request would begin. */
export function answerClientError(error: NodeJS.ErrnoException, socket: ServerSocket): void {
  const underWay = socket._httpMessage
  if (!socket.writable || error.code === 'ECONNRESET' || (underWay?.headersSent ?? false)) {
    socket.destroy(error)
    return
  }
  answerRaw(socket, STATUS_OF[error.code ?? ''] ?? 400)
}

/** Refuses to become a tunnel (CONNECT). @param out over HTTP/2 a response, else the connection */
export function refuseTunnel(_request: unknown, out: Socket | Http2ServerResponse): void {
  if (out instanceof Http2ServerResponse) {
    out.writeHead(405, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    out.end(problemText(405))
    return
  }
  // Node has let go of the connection, its errors too: one that nobody listens to would end the process.
  out.on('error', () => out.destroy())
  answerRaw(out, 405)
}

/** A client that does not close its side is not waited for. */
function answerRaw(socket: Socket, status: number): void {
  socket.end(rawProblem(status))
  socket.destroySoon()
}

/** A problem document as bytes, for a connection that has no response object. */
function rawProblem(status: number): string {
  const body = problemText(status)
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

function problemText(status: number): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code: 'COMM_REFUSED' })
}
