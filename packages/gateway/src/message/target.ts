import { refused } from './request-head.ts'

/** Where a request wants to go, as it was written: nothing is decoded. */
export interface Target {
  /** Begins with a slash. */
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly search: string
  /** From a target in absolute form, which takes the place of Host (RFC 9112 3.2.2). */
  readonly host: string | undefined
}

const ABSOLUTE = /^https?:\/\/([^/?#@]*)([^#]*)$/i
/** Segments that a server behind might resolve to another path than the one that was routed by; also written with percent signs. */
const DOT_SEGMENT = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i
const UNUSUAL = /[%\\.]/
const CONTROL = /[^\x21-\x7e\x80-\xff]|%00/

/** @throws RequestRefusedError for a target that is none, or that two servers could read in two ways */
export function readTarget(url: string): Target {
  if (url.charCodeAt(0) !== 47) return readAbsolute(url)
  const question = url.indexOf('?')
  const path = question === -1 ? url : url.slice(0, question)
  checkPath(path)
  return { path, search: question === -1 ? '' : url.slice(question), host: undefined }
}

function readAbsolute(url: string): Target {
  const found = ABSOLUTE.exec(url)
  if (found === null) throw refused(400, 'the target of the request is neither a path nor an http URL')
  const [, host, rest] = found as unknown as [string, string, string]
  if (host === '') throw refused(400, 'the URL of the request has no host')
  return { ...readTarget(rest.startsWith('/') ? rest : `/${rest}`), host }
}

function checkPath(path: string): void {
  if (path.includes('#')) throw refused(400, 'the path of the request has a fragment')
  if (!UNUSUAL.test(path)) return
  if (DOT_SEGMENT.test(path)) throw refused(400, "the path of the request has a segment '.' or '..'")
  if (path.includes('\\') || CONTROL.test(path))
    throw refused(400, 'the path of the request has a character that no path may have')
}
