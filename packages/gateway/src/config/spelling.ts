/** Their keys are names of users' own, not of options. */
const OWN_KEYS: ReadonlySet<string> = new Set(['services', 'headers', 'query', 'setHeaders', 'setQuery', 'aggregate', 'names'])
/** Everything inside is a user's own. */
const OWN: ReadonlySet<string> = new Set(['body', 'document'])
/** Inside of it are JSON Schemas of these names, which are a user's own. */
const SCHEMAS: ReadonlySet<string> = new Set(['body', 'query', 'headers'])

/** Options in camel case, however a file spells them. */
export function camelCased(value: unknown, keepsKeys = false): unknown {
  if (Array.isArray(value)) return value.map((each) => camelCased(each))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    if (keepsKeys) return [key, camelCased(inner)]
    const name = camel(key)
    if (name === 'validate') return [name, ofValidation(inner)]
    return [name, OWN.has(name) ? inner : camelCased(inner, OWN_KEYS.has(name))]
  })
  return Object.fromEntries(entries)
}

function ofValidation(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [camel(key), SCHEMAS.has(key) ? inner : camelCased(inner)] as const),
  )
}

function camel(key: string): string {
  return key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
