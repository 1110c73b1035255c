import { REDACTED } from '@comm/core'
import { quoteReceived } from '../redact.ts'
import { expectedOf, readValue } from '../schema/read-value.ts'
import type { Spelling } from '../schema/spellings.ts'
import type { Problems } from './problems.ts'

/** One setting's value, checked and in the unit it is held in, and where it came from. */
export interface Entry {
  readonly value: unknown
  readonly source: string
}

/** What one place (a file, the environment, the overrides) sets. */
export class Layer {
  /** By path from the root, in camel case: `httpClients.billing.timeout.totalMs`. */
  readonly entries: Map<string, Entry> = new Map()
  /** Paths of the named sections that appear, empty ones too: `httpClients.billing`. */
  readonly names: Set<string> = new Set()
  readonly #problems: Problems

  constructor(problems: Problems) {
    this.#problems = problems
  }

  /**
   * Checks a received value and keeps it.
   * @param at the path of the section that `spelling` belongs to
   */
  set(at: string, { path, setting, bare }: Spelling, received: unknown, source: string): void {
    const full = at === '' ? path : `${at}.${path}`
    const earlier = this.entries.get(full)
    if (earlier !== undefined) return this.#problems.twice(full, earlier.source, source)
    if (setting.secret && received === REDACTED) {
      return this.#problems.value(full, source, 'the placeholder that a dump shows in its place', 'the secret itself')
    }
    const value = readValue(setting, received, bare)
    if (value === undefined) {
      // Maps hold headers: text that cannot be taken apart may hold a secret anywhere.
      const hidden = setting.secret === true || (setting.kind === 'map' && typeof received === 'string')
      this.#problems.value(full, source, quoteReceived(received, hidden), expectedOf(setting, bare))
    }
    this.entries.set(full, { value, source })
  }
}

const NAME = /^[A-Za-z][\w-]*$/

/** Whether a named section may have this name; if not, says so. */
export function checkName(name: string, section: string, source: string, problems: Problems): boolean {
  if (NAME.test(name) && !name.includes('__')) return true
  const expected = 'a name of letters, digits, `-` and single `_` that starts with a letter'
  problems.value(`${section}.${name}`, source, 'another name', expected)
  return false
}
