import createRouter from 'find-my-way'
import { refused } from '../message/request-head.ts'
import { PathPattern } from './path-pattern.ts'
import type { Question, Route } from './route.ts'

/** No parameter of a path is too long for a route: the server limits the whole head. */
const LONGEST_PARAMETER = 65_536
/** Never passed on: the one shows what others sent, the other makes tunnels (RFC 9110 9.3.6, 9.3.8). */
const NEVER: ReadonlySet<string> = new Set(['TRACE', 'CONNECT'])

/** Finds the route of a request. It is made once per configuration. */
export class RouteTable {
  readonly routes: readonly Route[]
  readonly #router = createRouter({ maxParamLength: LONGEST_PARAMETER })

  constructor(routes: readonly Route[]) {
    this.routes = routes
    const shapes = new Set(routes.flatMap(({ pattern }) => pattern.shapes))
    // A stable sort: routes of one path stay in the order in which they were written.
    const ordered = routes.toSorted((one, other) => PathPattern.compare(one.pattern, other.pattern))
    for (const shape of shapes) {
      const candidates = ordered.filter(({ pattern }) => pattern.covers(shape))
      this.#router.on('GET', shape, ignore, candidates)
    }
  }

  /** @param path as it was written @throws RequestRefusedError 404, 405, or 400 for a path that cannot be decoded */
  find(path: string, question: Question): Route {
    const found = this.#router.find('GET', path)
    if (found === null) {
      if (!isDecodable(path)) throw refused(400, 'the path of the request cannot be decoded')
      throw refused(404, 'no route has this path')
    }
    const candidates = found.store as readonly Route[]
    const { method } = question
    let hasOtherMethod = false
    for (const route of candidates) {
      if (route.conditions !== undefined && !route.conditions.hold(question)) continue
      if (route.methods === undefined ? !NEVER.has(method) : route.methods.has(method)) return route
      if (route.hasCors && method === 'OPTIONS') return route
      hasOtherMethod = true
    }
    if (!hasOtherMethod) throw refused(404, 'no route matches this request')
    throw refused(405, `the method ${method} is not allowed here`, { allow: allowedOf(candidates, question) })
  }
}

function allowedOf(candidates: readonly Route[], question: Question): readonly string[] {
  const holding = candidates.filter(({ conditions }) => conditions === undefined || conditions.hold(question))
  return [...new Set(holding.flatMap(({ methods }) => [...(methods ?? [])]))].sort()
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

function ignore(): void {}
