import type { Problem } from '@comm/core'
import { configurationError, describeValue } from '@comm/core/options'
import { checkCondition } from './check-condition.ts'
import { type Condition, holds } from './condition.ts'
import { glob, type Matcher } from './glob.ts'
import type { AccessRequest, Decision, Policy } from './policy.ts'

/** One rule of a policy that is data. */
export interface PolicyRule {
  /** For reasons and logs. @default its place: `rule 3` */
  readonly name?: string
  readonly effect: 'allow' | 'deny'
  /** `*` is any. @default any */
  readonly actions?: readonly string[]
  /** `*` stands for anything but `/` and `.`, `**` for anything. @default any */
  readonly resources?: readonly string[]
  /** @default holds always */
  readonly when?: Condition
}

/** A policy as JSON or YAML has it. What no rule allows is denied, and a rule that denies beats all that allow. */
export interface PolicyData {
  readonly rules: readonly PolicyRule[]
}

interface Rule {
  readonly name: string
  readonly effect: 'allow' | 'deny'
  readonly actions: Matcher
  readonly resources: Matcher
  readonly when: Condition | undefined
}

const MOST_RULES = 10_000
const MEMBERS: ReadonlySet<string> = new Set(['name', 'effect', 'actions', 'resources', 'when'])

/**
 * A policy from data, checked and prepared once.
 * @param what names it in messages @default 'policy'
 * @throws ConfigurationError with every problem at once
 */
export function policyFromData(data: PolicyData, what = 'policy'): Policy {
  const problems: Problem[] = []
  const rules = read(data, what, problems)
  if (problems.length > 0) throw configurationError(what, problems)
  const [denying, allowing] = [rules.filter(({ effect }) => effect === 'deny'), rules.filter(({ effect }) => effect === 'allow')]
  return (principal, request): Decision => {
    const applies = ({ actions, resources, when }: Rule): boolean =>
      actions(request.action) && resources(request.resource) && (when === undefined || holds(when, { principal, request }))
    const denied = denying.find(applies)
    if (denied !== undefined) return { allowed: false, reason: `${denied.name} denies it` }
    const allowed = allowing.find(applies)
    if (allowed !== undefined) return { allowed: true, reason: allowed.name }
    return { allowed: false, reason: whyNot(allowing, request) }
  }
}

/** Tells a rule whose condition does not hold from there being none. */
function whyNot(allowing: readonly Rule[], { action, resource }: AccessRequest): string {
  const about = allowing.filter(({ actions, resources }) => actions(action) && resources(resource)).map(({ name }) => name)
  if (about.length === 0) return 'no rule allows it'
  return `what ${about.slice(0, 3).join(', ')} asks for does not hold`
}

function read(data: unknown, what: string, problems: Problem[]): readonly Rule[] {
  const { rules, ...others } = (typeof data === 'object' && data !== null ? data : {}) as Readonly<Record<string, unknown>>
  for (const name of Object.keys(others))
    problems.push({ key: `${what}.${name}`, received: describeValue(others[name]), expected: 'absent: only rules is known' })
  if (!Array.isArray(rules) || rules.length > MOST_RULES) {
    problems.push({ key: `${what}.rules`, received: describeValue(rules), expected: `an array of at most ${MOST_RULES} rules` })
    return []
  }
  return rules.map((rule, at) => readRule(rule, at, `${what}.rules[${at}]`, problems))
}

function readRule(value: unknown, at: number, key: string, problems: Problem[]): Rule {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject)
    problems.push({ key, received: describeValue(value), expected: 'an object with effect, actions, resources, when' })
  const rule = (isObject ? value : {}) as Readonly<Record<string, unknown>>
  const expect = (name: string, fits: boolean, expected: string): void => {
    if (!fits) problems.push({ key: `${key}.${name}`, received: describeValue(rule[name]), expected })
  }
  for (const name of Object.keys(rule)) expect(name, MEMBERS.has(name), `absent: known are ${[...MEMBERS].join(', ')}`)
  const { name, effect, actions, resources, when } = rule
  expect('name', name === undefined || (typeof name === 'string' && name !== ''), 'a non-empty string')
  expect('effect', !isObject || effect === 'allow' || effect === 'deny', "'allow' or 'deny'")
  const lists = { actions, resources }
  for (const [member, list] of Object.entries(lists)) {
    expect(member, list === undefined || isPatterns(list), 'an array of at least one non-empty string of at most 256 characters')
  }
  if (when !== undefined) checkCondition(when, `${key}.when`, problems)
  return {
    name: typeof name === 'string' ? name : `rule ${at}`,
    effect: effect === 'deny' ? 'deny' : 'allow',
    actions: glob(isPatterns(actions) ? actions : ['**']),
    resources: glob(isPatterns(resources) ? resources : ['**']),
    when: when as Condition | undefined,
  }
}

const LONGEST_PATTERN = 256

function isPatterns(value: unknown): value is readonly string[] {
  const isPattern = (item: unknown): boolean => typeof item === 'string' && item !== '' && item.length <= LONGEST_PATTERN
  return Array.isArray(value) && value.length > 0 && value.every(isPattern)
}
