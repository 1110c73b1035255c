import { PathPattern } from '../routing/path-pattern.ts'

/** How a route makes the path that its service sees. */
export interface PathChange {
  readonly pattern: PathPattern
  readonly stripPrefix: string | undefined
  readonly rewrite: string | undefined
}

/**
 * Where clients find what a service has under a path: the route's change of paths, backwards.
 * @param path as the service sees it, with parameters as OpenAPI has them: `/orders/{id}`
 * @returns undefined: the route does not lead there
 */
export function clientPath({ pattern, stripPrefix, rewrite }: PathChange, path: string): string | undefined {
  if (rewrite !== undefined) return throughTemplate(pattern, rewrite, path)
  const seen = stripPrefix === undefined ? path : `${stripPrefix.replace(/\/$/, '')}${path === '/' ? '' : path}`
  return pattern.covers(shapeOf(seen)) ? seen : undefined
}

/** As patterns of routes have it. */
export function shapeOf(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment.includes('{') ? ':parameter' : segment))
    .join('/')
}

function throughTemplate(pattern: PathPattern, template: string, path: string): string | undefined {
  const wanted = new PathPattern(template).segments
  const given = new PathPattern(path).segments
  const found = new Map<string, string>()
  for (const [at, segment] of wanted.entries()) {
    if (segment === '*') {
      found.set('*', given.slice(at).join('/'))
      break
    }
    const own = given[at]
    if (own === undefined) return undefined
    if (segment.startsWith(':')) found.set(segment, own)
    else if (segment !== own) return undefined
  }
  if (!found.has('*') && given.length !== wanted.length) return undefined
  const made = pattern.segments.map(
    (segment) => found.get(segment) ?? (segment.startsWith(':') ? `{${segment.slice(1)}}` : segment),
  )
  // What stands at the `*` may be nothing, and is anything where the template does not have it.
  if (made.at(-1) === '' || made.at(-1) === '*') made.pop()
  return `/${made.join('/')}`
}
