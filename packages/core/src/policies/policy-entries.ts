import type { Problem } from '../errors/errors.ts'
import { describeValue, object, UNKNOWN } from '../options.ts'
import { POLICY_ORDER, type PolicyKind } from './policy-config.ts'

/** One policy of a configuration, before it is built. */
export interface PolicyEntry {
  /** Tells it from the others of its pipeline, also in the next configuration. */
  readonly id: string
  /** Where it is in the configuration. */
  readonly key: string
  readonly kind: PolicyKind
  readonly options: Readonly<Record<string, unknown>>
}

/** The policies of one pipeline in execution order. What is wrong with them as such is added to `problems`. */
export function entriesOf(key: string, config: unknown, problems: Problem[]): readonly PolicyEntry[] {
  if (Array.isArray(config)) return listed(key, config, problems)
  if (object.accepts(config)) return inOrder(key, config as Readonly<Record<string, unknown>>, problems)
  problems.push({ key, received: describeValue(config), expected: 'an object of policies, or an array of them' })
  return []
}

function inOrder(key: string, config: Readonly<Record<string, unknown>>, problems: Problem[]): readonly PolicyEntry[] {
  for (const kind of Object.keys(config)) {
    if (!isKind(kind)) problems.push({ key: `${key}.${kind}`, received: UNKNOWN, expected: POLICY_ORDER.join(', ') })
  }
  return POLICY_ORDER.flatMap((kind) => entryOf(`${key}.${kind}`, kind, `${kind} 1`, config[kind], problems))
}

function listed(key: string, config: readonly unknown[], problems: Problem[]): readonly PolicyEntry[] {
  const seen = new Map<string, number>()
  return config.flatMap((item, at) => {
    const own = `${key}[${at}]`
    const kinds = object.accepts(item) ? Object.keys(item as object) : []
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1 || !isKind(kind)) {
      problems.push({ key: own, received: describeValue(item), expected: `an object with one of ${POLICY_ORDER.join(', ')}` })
      return []
    }
    const nth = (seen.get(kind) ?? 0) + 1
    seen.set(kind, nth)
    return entryOf(`${own}.${kind}`, kind, `${kind} ${nth}`, (item as Readonly<Record<string, unknown>>)[kind], problems)
  })
}

function entryOf(key: string, kind: PolicyKind, id: string, value: unknown, problems: Problem[]): readonly PolicyEntry[] {
  if (value === undefined || value === false) return []
  if (value === true) return [{ id, key, kind, options: {} }]
  if (object.accepts(value)) return [{ id, key, kind, options: copied(value as Readonly<Record<string, unknown>>) }]
  problems.push({ key, received: describeValue(value), expected: 'true, false or an object with its options' })
  return []
}

/** So that a configuration that is changed in place is compared with what it was. Things with methods, such as a budget, are not data. */
function copied(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, isData(value) ? copied(value) : value]))
}

function isData(value: unknown): value is Readonly<Record<string, unknown>> {
  return object.accepts(value) && Object.values(value as object).every((inner) => typeof inner !== 'function')
}

function isKind(kind: string): kind is PolicyKind {
  return (POLICY_ORDER as readonly string[]).includes(kind)
}
