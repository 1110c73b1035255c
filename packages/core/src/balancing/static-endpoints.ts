import { parseEndpoint } from '../endpoint.ts'
import { checkArgument, nonEmptyText, number, object, type Rule } from '../options.ts'
import type { EndpointSource, Instance } from './instance.ts'

const port = number({ min: 1, max: 65_535, integer: true })
const weight = number({ above: 0 })
const anInstance: Rule = {
  expected: "'host:port' or { id, host, port, weight above 0, zone, version, metadata }",
  accepts: (value) => {
    if (typeof value === 'string') return parseEndpoint(value, 0) !== undefined
    if (!object.accepts(value)) return false
    const given = value as Partial<Instance>
    return (
      nonEmptyText.accepts(given.id) &&
      nonEmptyText.accepts(given.host) &&
      port.accepts(given.port) &&
      (given.weight === undefined || weight.accepts(given.weight))
    )
  },
}
const unique: Rule = {
  expected: 'instances with an id of their own each',
  accepts: (value) => new Set((value as readonly Instance[]).map(({ id }) => id)).size === (value as readonly unknown[]).length,
}

/** A list that changes only by hand. */
export interface StaticEndpoints extends EndpointSource {
  /** @throws ConfigurationError; the old list stays then */
  replace(instances: readonly (string | Instance)[]): void
}

/**
 * Instances that are known beforehand.
 * @param instances `host:port`, which is its id too, or whole
 * @throws ConfigurationError
 */
export function staticEndpoints(instances: readonly (string | Instance)[]): StaticEndpoints {
  const watchers = new Set<() => void>()
  let known = listOf(instances)
  return {
    get instances() {
      return known
    },
    isStale: false,
    ready: () => Promise.resolve(),
    watch(onChange) {
      const watcher = (): void => onChange()
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    replace(next) {
      known = listOf(next)
      for (const watcher of watchers) watcher()
    },
  }
}

function listOf(given: readonly (string | Instance)[]): readonly Instance[] {
  checkArgument('instances', given, { expected: 'an array', accepts: Array.isArray })
  for (const each of given) checkArgument('an instance', each, anInstance)
  const all = given.map((each): Instance => {
    if (typeof each !== 'string') return Object.freeze({ ...each })
    return Object.freeze({ id: each, ...(parseEndpoint(each, 0) as { host: string; port: number }) })
  })
  checkArgument('instances', all, unique)
  return Object.freeze(all)
}
