import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Of either protocol: Node's response of HTTP/2 has the same methods. */
export type OutboundResponse = ServerResponse

/** @param fields names and values in turn */
export function writeHead(response: OutboundResponse, status: number, fields: string[]): void {
  if (response.req.httpVersionMajor === 2) response.writeHead(status, together(fields))
  else response.writeHead(status, fields)
}

/** Whether the client has the whole of it. */
export function isFinished(response: OutboundResponse): boolean {
  if (response.req.httpVersionMajor !== 2) return response.writableFinished
  const { stream } = response as unknown as { readonly stream?: { readonly rstCode: number } }
  return response.writableEnded && (stream?.rstCode ?? 0) === 0
}

/** @param fields names and values in turn */
export function addTrailers(response: OutboundResponse, fields: string[]): void {
  if (fields.length > 0) response.addTrailers(together(fields))
}

/** HTTP/2 of Node keeps the last of several fields of a name, unless they come in an array. */
function together(fields: readonly string[]): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    const value = fields[at + 1] as string
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (typeof before === 'string') headers[name] = [before, value]
    else before.push(value)
  }
  return headers
}
