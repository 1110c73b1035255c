import type { Problem } from '@comm/core'
import { describeValue } from '@comm/core/options'

const DEEPEST = 32
const KINDS = 'one of all, any, not, scopes, roles, or attribute with equals, in, contains or exists'
const ATTRIBUTE =
  /^(?:principal\.(?:subject|method|issuer|scopes|roles|attributes(?:\.[^.]+)+)|request\.(?:action|resource|attributes(?:\.[^.]+)+))$/
const ATTRIBUTE_EXPECTED =
  'principal.subject, .method, .issuer, .scopes, .roles, .attributes.<name>, or request.action, .resource, .attributes.<name>'

/** Adds what is wrong with a condition that came as data. Total. */
export function checkCondition(value: unknown, key: string, problems: Problem[], depth = 0): void {
  const wrong = (where: string, received: unknown, expected: string): void => {
    problems.push({ key: where, received: describeValue(received), expected })
  }
  if (depth > DEEPEST) return wrong(key, value, `nested at most ${DEEPEST} deep`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(key, value, KINDS)
  const condition = value as Readonly<Record<string, unknown>>
  const names = Object.keys(condition)
  const [name = ''] = names
  if (Object.hasOwn(condition, 'attribute')) return checkComparison(condition, names, key, wrong)
  if (names.length !== 1) return wrong(key, value, KINDS)
  const inner = condition[name]
  switch (name) {
    case 'all':
    case 'any':
      if (!Array.isArray(inner) || inner.length === 0) return wrong(`${key}.${name}`, inner, 'an array of at least one condition')
      for (const [at, each] of inner.entries()) checkCondition(each, `${key}.${name}[${at}]`, problems, depth + 1)
      return
    case 'not':
      return checkCondition(inner, `${key}.not`, problems, depth + 1)
    case 'scopes':
    case 'roles':
      if (!isTexts(inner)) wrong(`${key}.${name}`, inner, 'an array of at least one non-empty string')
      return
    default:
      wrong(key, value, KINDS)
  }
}

function checkComparison(
  condition: Readonly<Record<string, unknown>>,
  names: readonly string[],
  key: string,
  wrong: (where: string, received: unknown, expected: string) => void,
): void {
  const { attribute, equals, in: among, contains, exists } = condition
  if (typeof attribute !== 'string' || !ATTRIBUTE.test(attribute)) wrong(`${key}.attribute`, attribute, ATTRIBUTE_EXPECTED)
  const comparison = names.find((name) => name !== 'attribute')
  if (names.length !== 2) return wrong(key, condition, KINDS)
  switch (comparison) {
    case 'equals':
      if (!isOperand(equals)) wrong(`${key}.equals`, equals, 'a text, number, boolean, null or { attribute }')
      return
    case 'contains':
      if (!isOperand(contains)) wrong(`${key}.contains`, contains, 'a text, number, boolean, null or { attribute }')
      return
    case 'in':
      if (!Array.isArray(among) || among.length === 0 || !among.every(isOperand)) {
        wrong(`${key}.in`, among, 'an array of at least one text, number, boolean, null or { attribute }')
      }
      return
    case 'exists':
      if (typeof exists !== 'boolean') wrong(`${key}.exists`, exists, 'true or false')
      return
    default:
      wrong(key, condition, KINDS)
  }
}

function isOperand(value: unknown): boolean {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return true
  if (typeof value !== 'object' || Array.isArray(value)) return false
  const { attribute, ...others } = value as Readonly<Record<string, unknown>>
  return typeof attribute === 'string' && ATTRIBUTE.test(attribute) && Object.keys(others).length === 0
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && item !== '')
}
