/** A path of a route: segments, of which some are parameters, and perhaps an open end. */
export class PathPattern {
  readonly text: string
  readonly segments: readonly string[]
  readonly hasWildcard: boolean
  /** The same for patterns that differ only in the names of their parameters. */
  readonly shape: string

  /** @param text that `isPathPattern` accepts */
  constructor(text: string) {
    this.text = text
    this.segments = segmentsOf(text)
    this.hasWildcard = this.segments.at(-1) === '*'
    this.shape = `/${this.segments.map((segment, at) => (segment.startsWith(':') ? `:p${at}` : segment)).join('/')}`
  }

  /** Those under which it is registered: `/orders/*` is `/orders` too. */
  get shapes(): readonly string[] {
    if (!this.hasWildcard) return [this.shape]
    return [this.shape, this.shape.slice(0, -2) || '/']
  }

  /** Whether whatever matches that shape matches this pattern too. */
  covers(shape: string): boolean {
    const others = segmentsOf(shape)
    for (const [at, own] of this.segments.entries()) {
      if (own === '*') return true
      const other = others[at]
      if (other === undefined || other === '*') return false
      if (!own.startsWith(':') && own !== other) return false
    }
    return others.length === this.segments.length
  }

  /** Orders patterns: the more special first. */
  static compare(one: PathPattern, other: PathPattern): number {
    for (let at = 0; at < Math.max(one.segments.length, other.segments.length); at++) {
      const difference = rank(one.segments[at]) - rank(other.segments[at])
      if (difference !== 0) return difference
    }
    return 0
  }
}

export function isPathPattern(value: unknown): boolean {
  if (typeof value !== 'string' || !/^\/(?:[\w.~!$&'()+,;=@%-]+|:\w+|\*|\/)*$/.test(value) || value.includes('//')) return false
  const segments = segmentsOf(value)
  const names = segments.filter((segment) => segment.startsWith(':'))
  const isPlain = (segment: string): boolean => !segment.includes('*') && !segment.slice(1).includes(':')
  return (
    new Set(names).size === names.length &&
    segments.every((segment, at) => (segment === '*' ? at === segments.length - 1 : isPlain(segment) && segment !== ':'))
  )
}

function segmentsOf(path: string): readonly string[] {
  return path === '/' ? [] : path.slice(1).split('/')
}

function rank(segment: string | undefined): number {
  if (segment === undefined) return 3
  if (segment === '*') return 2
  return segment.startsWith(':') ? 1 : 0
}
