import type { Health } from '@comm/core'

/** What keeps a subscription, or a client, from its work; each entry lasts until the same thing succeeds. Health shows it. */
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
    const worst = worstOf([...this.#entries.values()])
    return worst && { status: worst.status, reason: worst.reason }
  }
}

const SEVERITY = { up: 0, degraded: 1, down: 2 } as const

/** The first of the worst; undefined when there is none. */
export function worstOf<Found extends Pick<Health, 'status'>>(found: readonly Found[]): Found | undefined {
  return found.reduce<Found | undefined>(
    (worst, next) => (worst === undefined || SEVERITY[next.status] > SEVERITY[worst.status] ? next : worst),
    undefined,
  )
}
