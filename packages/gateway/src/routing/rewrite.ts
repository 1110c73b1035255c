import type { PathPattern } from './path-pattern.ts'

/** Makes of the path of a request the one that the service sees. Both are as they are written: nothing is decoded on the way. */
export type Rewrite = (path: string) => string

/** @returns undefined where paths stay as they are */
export function rewriteOf(
  pattern: PathPattern,
  stripPrefix: string | undefined,
  template: string | undefined,
): Rewrite | undefined {
  if (template !== undefined) return fromTemplate(pattern, template)
  if (stripPrefix === undefined) return undefined
  const prefix = stripPrefix.replace(/\/$/, '')
  return (path) => {
    if (!path.startsWith(prefix)) return path
    const rest = path.slice(prefix.length)
    if (rest === '') return '/'
    return rest.startsWith('/') ? rest : path
  }
}

/** @returns names of the parameters of a template that the pattern does not have */
export function unknownParameters(pattern: PathPattern, template: string): readonly string[] {
  const known = new Set(pattern.segments)
  return template.split('/').filter((part) => (part.startsWith(':') || part === '*') && !known.has(part))
}

function fromTemplate(pattern: PathPattern, template: string): Rewrite {
  const places = new Map(pattern.segments.map((segment, at) => [segment, at]))
  const parts = template.slice(1).split('/')
  const wildcardAt = pattern.segments.length - 1
  return (path) => {
    const given = path.slice(1).split('/')
    const made = parts.map((part) => {
      if (part === '*') return given.slice(wildcardAt).join('/')
      return part.startsWith(':') ? (given[places.get(part) as number] ?? '') : part
    })
    return `/${made.join('/')}`
  }
}
