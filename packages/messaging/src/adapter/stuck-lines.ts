import { type Clock, type Logger, PublishError, withinLimit } from '@comm/core'
import { StallWatch } from './stall-watch.ts'

/** Longer than a broker takes to choose a new leader. */
const STUCK_AFTER_MS = 5000
/** Others may share the request of a record that went aside. */
const ASIDE_LIMIT_MS = 1000
/** In which a broker proves that nothing ails it. */
const PROOF_LIMIT_MS = 1000
/** With so many it is not a line that is ill, but the broker. */
const MOST_STUCK = 16

export interface StuckLinesParts {
  /** Its name. */
  readonly broker: string
  readonly clock: Clock
  readonly logger: Logger
  /** Resolves when the broker has stored something elsewhere, over a way of its own. */
  prove(): Promise<unknown>
}

/**
 * Ways into a broker of which it confirms nothing, though it confirms what comes by others: a part of it has no leader. Once such a line is
 * known, its records go aside, one at a time, where they hold up nobody, until one is confirmed.
 */
export class StuckLines {
  readonly #parts: StuckLinesParts
  readonly #lines = new Set<string>()

  constructor(parts: StuckLinesParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#lines.size
  }

  has(line: string): boolean {
    return this.#lines.has(line)
  }

  /**
   * @param aside the line whose records are sent, where they are sent aside
   * @param oldest which record is without a confirm; undefined where none is, or none has left yet
   * @param giveUp on this one, and on what is behind it
   */
  watch(aside: string | undefined, oldest: () => unknown, giveUp: () => void): StallWatch {
    const limitMs = aside === undefined ? STUCK_AFTER_MS : ASIDE_LIMIT_MS
    return new StallWatch(this.#parts.clock, limitMs, oldest, () => void this.#whenStalled(aside, oldest, giveUp))
  }

  /** Nothing was confirmed in time. @returns how to say so */
  add(line: string): PublishError {
    const error = this.error(line)
    if (!this.#lines.has(line)) this.#parts.logger.warn(error.message)
    this.#lines.add(line)
    return error
  }

  /** Something was confirmed. */
  delete(line: string): void {
    this.#lines.delete(line)
  }

  async #whenStalled(aside: string | undefined, oldest: () => unknown, giveUp: () => void): Promise<void> {
    const stalled = oldest()
    const isOver = aside !== undefined || (await this.#isBrokerWell())
    if (isOver && stalled === oldest()) giveUp()
  }

  async #isBrokerWell(): Promise<boolean> {
    if (this.#lines.size >= MOST_STUCK) return false
    const { clock, prove } = this.#parts
    const proven = prove().then(
      () => true,
      () => false,
    )
    return (await withinLimit(clock, PROOF_LIMIT_MS, proven)) === true
  }

  error(line: string): PublishError {
    const why = 'though it stores other things: what is behind it may have no leader'
    return new PublishError(`${this.#parts.broker} confirms nothing for ${line}, ${why}`)
  }
}
