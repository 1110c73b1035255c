import type { Route } from './route.ts'

/** One line per route: methods, path, where it goes. */
export function describeRoutes(routes: readonly Route[]): string {
  const rows = routes.map(({ methods, pattern, targets, rewrite, weight, steps }) => {
    const names = steps.map(({ name }) => name)
    const where = targets.map(
      ({ upstream, weight: own }) => `${upstream.name}${targets.length === 1 ? '' : ` (${own} of ${weight})`}`,
    )
    const seen = rewrite === undefined ? '' : ` as ${rewrite(pattern.text)}`
    const by = names.length === 0 ? '' : ` by ${names.join(', ')}`
    return [
      methods === undefined ? '*' : [...methods].join(','),
      pattern.text,
      `-> ${where.join(', ') || (names.includes('grpc') ? 'gRPC' : names.includes('openapi') ? 'documents' : 'parts')}${seen}${by}`,
    ] as const
  })
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => (row[column] as string).length)))
  return rows
    .map(([methods, path, to]) => `  ${methods.padEnd(widths[0] as number)}  ${path.padEnd(widths[1] as number)}  ${to}`)
    .join('\n')
}
