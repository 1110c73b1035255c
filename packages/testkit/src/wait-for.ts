import { type Clock, sleep, systemClock } from '@comm/core'

export interface WaitForOptions {
  /** Completes `waited … ms for` in the error. @default 'a fact' */
  readonly what?: string
  /** @default 30000 */
  readonly timeoutMs?: number
  /** Time between two looks. @default 5 */
  readonly intervalMs?: number
  /** @default systemClock */
  readonly clock?: Clock
}

export const WAIT_FOR_DEFAULTS: Readonly<Required<WaitForOptions>> = Object.freeze({
  what: 'a fact',
  timeoutMs: 30_000,
  intervalMs: 5,
  clock: systemClock,
})

/**
 * Looks until `fact` gives something truthy, and resolves with it. A fact that throws is not true yet.
 * @throws Error naming `what` when the time is over; the fact's last error is its cause
 */
export async function waitFor<Fact>(fact: () => Fact | Promise<Fact>, options: WaitForOptions = {}): Promise<Fact> {
  const { what, timeoutMs, intervalMs, clock } = { ...WAIT_FOR_DEFAULTS, ...options }
  const giveUpAt = clock.now() + timeoutMs
  for (;;) {
    let last: Error | undefined
    try {
      const found = await fact()
      if (found) return found
    } catch (thrown) {
      last = thrown instanceof Error ? thrown : new Error(String(thrown))
    }
    if (clock.now() >= giveUpAt) {
      throw new Error(`waited ${timeoutMs} ms for ${what}${last === undefined ? '' : `: ${last.message}`}`, { cause: last })
    }
    await sleep(intervalMs, { clock })
  }
}
