import { isDeepStrictEqual } from 'node:util'
import type { Principal } from '@comm/core'
import type { AccessRequest } from './policy.ts'

/** A value, or where to find one: `{ attribute: 'principal.subject' }`. */
export type Operand = string | number | boolean | null | { readonly attribute: string }

/**
 * What must hold, as data. Exactly one member; of `attribute` and its comparison both. Attributes are named from `principal` (`subject`,
 * `method`, `issuer`, `scopes`, `roles`, `attributes`) or `request` (`action`, `resource`, `attributes`), with dots. An attribute that is
 * not there equals nothing, not even another one.
 */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly scopes: readonly string[] }
  | { readonly roles: readonly string[] }
  | { readonly attribute: string; readonly equals: Operand }
  | { readonly attribute: string; readonly in: readonly Operand[] }
  /** The attribute is a list that has the operand. */
  | { readonly attribute: string; readonly contains: Operand }
  | { readonly attribute: string; readonly exists: boolean }

interface Subjects {
  readonly principal: Principal
  readonly request: AccessRequest
}

const ABSENT: unique symbol = Symbol('absent')

/** @param condition already checked */
export function holds(condition: Condition, subjects: Subjects): boolean {
  if ('all' in condition) return condition.all.every((each) => holds(each, subjects))
  if ('any' in condition) return condition.any.some((each) => holds(each, subjects))
  if ('not' in condition) return !holds(condition.not, subjects)
  if ('scopes' in condition) return condition.scopes.every((scope) => subjects.principal.scopes.includes(scope))
  if ('roles' in condition) return condition.roles.every((role) => subjects.principal.roles.includes(role))
  const found = valueAt(condition.attribute, subjects)
  if ('exists' in condition) return (found !== ABSENT) === condition.exists
  if (found === ABSENT) return false
  if ('equals' in condition) return same(found, condition.equals, subjects)
  if ('in' in condition) return condition.in.some((operand) => same(found, operand, subjects))
  return Array.isArray(found) && found.some((item) => same(item, condition.contains, subjects))
}

function same(value: unknown, operand: Operand, subjects: Subjects): boolean {
  const expected = typeof operand === 'object' && operand !== null ? valueAt(operand.attribute, subjects) : operand
  return expected !== ABSENT && isDeepStrictEqual(value, expected)
}

/** Own members only: nothing is found on a prototype. */
function valueAt(path: string, subjects: Subjects): unknown {
  let current: unknown = subjects
  for (const name of path.split('.')) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return ABSENT
    current = (current as Readonly<Record<string, unknown>>)[name]
  }
  return current === undefined ? ABSENT : current
}
