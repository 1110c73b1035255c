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
/** Each has a way of its own for a moment. */
const MOST_SUSPECTED = 256
/** A line that nothing was sent by for so long is of use to nobody, or may be well again. */
const UNUSED_MS = 600_000

export interface StuckLinesParts {
  /** Its name. */
  readonly broker: string
  readonly clock: Clock
  readonly logger: Logger
  /** Resolves when the broker has stored something elsewhere, over a way of its own. */
  prove(): Promise<unknown>
}

interface Line {
  /** By the clock. */
  readonly usedAt: number
  /** By itself it was not confirmed either. */
  readonly isStuck: boolean
}

/**
 * Ways into a broker of which it confirms nothing, though it confirms what comes by others: a part of it has no leader. It may confirm
 * nothing of what was sent shortly before either, so all that waits is suspected. The records of such lines go aside, one at a time, where
 * they hold up nobody, until one is confirmed.
 */
export class StuckLines {
  readonly #parts: StuckLinesParts
  /** What was used last comes last. */
  readonly #lines = new Map<string, Line>()

  constructor(parts: StuckLinesParts) {
    this.#parts = parts
  }

  get size(): number {
    for (const [line, { usedAt }] of this.#lines) {
      if (usedAt + UNUSED_MS > this.#parts.clock.now()) break
      this.#lines.delete(line)
    }
    return this.#lines.size
  }

  /** Whether something that is to go by this line has to go aside. */
  has(line: string): boolean {
    const known = this.#lines.get(line)
    if (known !== undefined) this.#set(line, known.isStuck)
    return known !== undefined
  }

  /**
   * @param aside the line whose records are sent, where they are sent aside
   * @param oldest which record is without a confirm; undefined where none is, or none has left yet
   * @param giveUp on all that is without one
   */
  watch(aside: string | undefined, oldest: () => unknown, giveUp: () => void): StallWatch {
    const limitMs = aside === undefined ? STUCK_AFTER_MS : ASIDE_LIMIT_MS
    return new StallWatch(this.#parts.clock, limitMs, oldest, () => void this.#whenStalled(aside, oldest, giveUp))
  }

  /** Something that was sent together with others was not confirmed in time. */
  suspect(line: string): void {
    if (this.#lines.size < MOST_SUSPECTED && !this.#lines.has(line)) this.#set(line, false)
  }

  /** Nothing was confirmed in time, though it was sent by itself. @returns how to say so */
  add(line: string): PublishError {
    const error = this.error(line)
    if (this.#lines.get(line)?.isStuck) return error
    this.#parts.logger.warn(error.message)
    this.#set(line, true)
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
    if ([...this.#lines.values()].filter(({ isStuck }) => isStuck).length >= MOST_STUCK) return false
    const { clock, prove } = this.#parts
    const proven = prove().then(
      () => true,
      () => false,
    )
    return (await withinLimit(clock, PROOF_LIMIT_MS, proven)) === true
  }

  #set(line: string, isStuck: boolean): void {
    this.#lines.delete(line)
    this.#lines.set(line, { usedAt: this.#parts.clock.now(), isStuck })
  }

  error(line: string): PublishError {
    const why = 'though it stores other things: what is behind it may have no leader'
    return new PublishError(`${this.#parts.broker} confirms nothing for ${line}, ${why}`)
  }
}
