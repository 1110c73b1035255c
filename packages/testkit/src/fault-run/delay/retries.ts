import { type HandlerVerdict, type MessageMeta, retryAfter } from '@comm/messaging'

/** A retry waits for so long: past the kill, and for some of them past the restart. */
const DELAY_MS = 8000

/** The handler of a run: it puts every message off until the broker was killed, and then handles it. */
export class Retries {
  readonly #dueAt: Float64Array
  readonly #handled: Uint8Array
  readonly #late: number[] = []
  #seen = 0
  #duplicates = 0
  #putsOff = true

  /** @param size messages are numbered from 0 */
  constructor(size: number) {
    this.#dueAt = new Float64Array(size)
    this.#handled = new Uint8Array(size)
  }

  /** Put off at least once. */
  get seen(): number {
    return this.#seen
  }

  get handled(): number {
    return this.#late.length
  }

  /** Handled once more than needed. */
  get duplicates(): number {
    return this.#duplicates
  }

  /** How late messages were handled, in milliseconds after their retry was due, ascending. */
  get late(): readonly number[] {
    return this.#late.toSorted((one, other) => one - other)
  }

  /** From now on messages are handled. */
  allow(): void {
    this.#putsOff = false
  }

  readonly handle = (message: number, { attempt }: Pick<MessageMeta, 'attempt'>): HandlerVerdict | undefined => {
    const isFirst = this.#dueAt[message] === 0
    if (isFirst) this.#seen++
    // A first attempt that comes again after the kill was put off already: that one counts.
    if (this.#putsOff || isFirst) this.#dueAt[message] = performance.now() + DELAY_MS
    if (this.#putsOff || attempt === 1) return retryAfter(DELAY_MS)
    if (this.#handled[message] === 1) this.#duplicates++
    else this.#late.push(Math.round(performance.now() - (this.#dueAt[message] ?? 0)))
    this.#handled[message] = 1
    return undefined
  }
}
