import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  BACKOFF_DEFAULTS,
  BREAKER_DEFAULTS,
  BULKHEAD_DEFAULTS,
  breaker,
  bulkhead,
  CHAOS_DEFAULTS,
  CONCURRENCY_LIMIT_DEFAULTS,
  ConfigurationError,
  chaos,
  concurrencyLimit,
  constantBackoff,
  FALLBACK_DEFAULTS,
  fallback,
  HEDGE_DEFAULTS,
  hedge,
  KEYED_DEFAULTS,
  keyed,
  RATE_LIMIT_DEFAULTS,
  RETRY_BUDGET_DEFAULTS,
  RETRY_DEFAULTS,
  rateLimit,
  retry,
  retryBudget,
  TIMEOUT_DEFAULTS,
  timeout,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'

const sections = readFileSync(join(import.meta.dirname, '../../../../docs/resilience.md'), 'utf8').split(/^#{2,3} /m)

/** Option name to default, as the table under a heading has them. */
function documented(heading: string, head: string): Map<string, string> {
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? ''
  const table = section.slice(section.indexOf(`| ${head} |`)).split('\n\n')[0] ?? ''
  const rows = table.split('\n').slice(2)
  return new Map(
    rows.filter(Boolean).map((row) => {
      const [name = '', , value = ''] = row.split('|').slice(1, -1)
      return [name.trim().replaceAll('`', ''), value.trim()]
    }),
  )
}

/** The names that an options check knows: it lists them when it meets one that it does not. */
function knownOptions(make: (options: never) => unknown): string[] {
  try {
    make({ 'no such option': 1 } as never)
  } catch (thrown) {
    if (thrown instanceof ConfigurationError)
      return thrown.problems.find(({ key }) => key.includes('no such option'))?.expected.split(', ') ?? []
  }
  return []
}

const TABLES: readonly [string, string, (options: never) => unknown, object][] = [
  ['retry', 'option', retry, RETRY_DEFAULTS],
  ['retry', 'option of a backoff', constantBackoff, BACKOFF_DEFAULTS],
  ['retryBudget', 'option', retryBudget, RETRY_BUDGET_DEFAULTS],
  ['breaker', 'option', breaker, BREAKER_DEFAULTS],
  ['timeout', 'option', timeout, TIMEOUT_DEFAULTS],
  ['bulkhead', 'option', bulkhead, BULKHEAD_DEFAULTS],
  ['concurrencyLimit', 'option', concurrencyLimit, CONCURRENCY_LIMIT_DEFAULTS],
  ['rateLimit', 'option', rateLimit, RATE_LIMIT_DEFAULTS],
  ['hedge', 'option', hedge, HEDGE_DEFAULTS],
  ['keyed', 'option', (options) => keyed(() => breaker(), options), KEYED_DEFAULTS],
  ['chaos', 'option', chaos, CHAOS_DEFAULTS],
  ['fallback', 'option', (options) => fallback(() => 1, options), FALLBACK_DEFAULTS],
]

describe('docs/resilience.md', () => {
  it.each(TABLES)('lists under %s, as %s, every option with its default', (heading, head, make, defaults) => {
    const table = documented(heading, head)
    expect([...table.keys()]).toEqual(knownOptions(make))
    for (const [name, value] of Object.entries(defaults)) expect([name, table.get(name)]).toEqual([name, `\`${inspect(value)}\``])
  })
})
