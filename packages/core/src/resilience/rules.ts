import { number, type Rule, withMethods } from '../options.ts'

/** What several stages demand of their options. */
export const aClock: Rule = withMethods('a Clock', 'now', 'wall', 'setTimer')
export const aCount: Rule = number({ min: 1, integer: true })
export const aDurationMs: Rule = number({ min: 0 })
export const aRatio: Rule = number({ min: 0, max: 1 })

export function notBelow(key: string, least: number): Rule {
  return { expected: `a number >= ${key} (${least})`, accepts: (value) => typeof value === 'number' && value >= least }
}
