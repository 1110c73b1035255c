import type { Kind, Results, Suite } from './suite.ts'

export interface Score {
  readonly required: number
  readonly optimal: number
  readonly check: number
}

export interface Failure {
  readonly id: string
  readonly kind: Kind
  readonly name: string
  readonly why: string
}

export function scoreOf(suites: readonly Suite[], results: Results): Score {
  const score = { required: 0, optimal: 0, check: 0 }
  for (const { tests } of suites) for (const { id, kind = 'required' } of tests) if (results[id] === true) score[kind] += 1
  return score
}

/** How many there are for a client that is no browser. */
export function totals(suites: readonly Suite[]): Score {
  const total = { required: 0, optimal: 0, check: 0 }
  for (const { tests } of suites) for (const { kind = 'required', browser_only } of tests) if (!browser_only) total[kind] += 1
  return total
}

/** What did not pass; a `check` only shows what a cache does, and cannot fail. */
export function failuresOf(suites: readonly Suite[], results: Results): readonly Failure[] {
  return suites.flatMap(({ tests }) =>
    tests.flatMap(({ id, name, kind = 'required' }) => {
      const result = results[id]
      return kind === 'check' || result === undefined || result === true
        ? []
        : [{ id, kind, name, why: `${result[0]}: ${result[1]}` }]
    }),
  )
}
