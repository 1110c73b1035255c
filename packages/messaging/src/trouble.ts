import type { Health } from '@comm/core'

/** What keeps a client from settling messages; each entry lasts until the same thing succeeds. Health shows it. */
export class Trouble {
  readonly #entries = new Map<string, { readonly status: 'degraded' | 'down'; readonly reason: string; failures: number }>()

  /** @returns how often this failed in a row, 1 the first time */
  report(what: string, status: 'degraded' | 'down', reason: string): number {
    const failures = (this.#entries.get(what)?.failures ?? 0) + 1
    this.#entries.set(what, { status, reason, failures })
    return failures
  }

  clear(what: string): void {
    this.#entries.delete(what)
  }

  /** The worst of it; undefined when there is none. */
  get health(): Health | undefined {
    const entries = [...this.#entries.values()]
    const worst = entries.find(({ status }) => status === 'down') ?? entries[0]
    return worst && { status: worst.status, reason: worst.reason }
  }
}
