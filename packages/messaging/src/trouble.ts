import type { Health } from '@comm/core'

interface Entry {
  readonly status: 'degraded' | 'down'
  readonly reason: string
  readonly failures: number
  /** Messages that it happened to, and that are not over. */
  readonly messages: Set<string>
}

/**
 * What keeps a subscription, or a client, from its work; each entry lasts until the same thing succeeds, or no message needs it any more.
 * Health shows it.
 */
export class Trouble {
  readonly #entries = new Map<string, Entry>()

  get isNone(): boolean {
    return this.#entries.size === 0
  }

  /** @param message the id of the one that it happened to @returns how often this failed in a row, 1 the first time */
  report(what: string, status: 'degraded' | 'down', reason: string, message?: string): number {
    const { failures = 0, messages = new Set<string>() } = this.#entries.get(what) ?? {}
    if (message !== undefined) messages.add(message)
    this.#entries.set(what, { status, reason, failures: failures + 1, messages })
    return failures + 1
  }

  /** This message is settled, or not ours any more. */
  over(message: string): void {
    for (const [what, { messages }] of this.#entries) if (messages.delete(message) && messages.size === 0) this.clear(what)
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
