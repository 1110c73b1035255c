import { ValidationError } from '@comm/core'
import { refused } from '../message/request-head.ts'
import type { PathPattern } from '../routing/path-pattern.ts'

type Members = Record<string, unknown>

/** What a client says: the body's members, in their place those of the path, and of the query where there is no body. @throws ValidationError */
export function membersOf(pattern: PathPattern, pathname: string, search: string, body: Buffer | undefined): Members {
  const own = body === undefined || body.byteLength === 0 ? inQuery(search) : inBody(body)
  return { ...own, ...inPath(pattern, pathname) }
}

/** @throws RequestRefusedError 415: a page of another origin can send any other type without asking first */
export function checkJson(contentType: string | undefined): void {
  if (contentType !== undefined && /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(contentType)) return
  throw refused(415, 'the body of the request has to be application/json')
}

function inBody(body: Buffer): Members {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    throw invalid('body', 'is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('body', 'is not an object')
  return value as Members
}

function inQuery(search: string): Members {
  const parameters = new URLSearchParams(search)
  const entries = [...new Set(parameters.keys())].map((name): [string, unknown] => {
    const all = parameters.getAll(name).map(plain)
    return [name, all.length === 1 ? all[0] : all]
  })
  return Object.fromEntries(entries)
}

/** A text that a string takes as it is, and a boolean too. */
function plain(value: string): string | boolean {
  return value === 'true' ? true : value === 'false' ? false : value
}

function inPath({ segments }: PathPattern, pathname: string): Members {
  const given = pathname.slice(1).split('/')
  const found: Members = {}
  for (const [at, segment] of segments.entries()) {
    if (!segment.startsWith(':')) continue
    try {
      found[segment.slice(1)] = plain(decodeURIComponent(given[at] ?? ''))
    } catch {
      throw invalid(segment.slice(1), 'is not percent-encoded UTF-8')
    }
  }
  return found
}

export function invalid(path: string, message: string): ValidationError {
  return new ValidationError(`the request makes no message: ${path} ${message}`, { details: { issues: [{ path, message }] } })
}
