import { Fifo } from './fifo.ts'

/** One record of a partition that was read. */
export interface Tracked {
  readonly offset: number
  isDone: boolean
}

/**
 * The offset up to which a partition can be committed: Kafka keeps one number for each group, so what lies behind it must be done without
 * a gap, in whatever order the records are settled.
 */
export class OffsetTracker {
  readonly #open = new Fifo<Tracked>()
  #next: number

  /** @param start the first offset that will be read */
  constructor(start: number) {
    this.#next = start
  }

  /** The offset of the next record to read. */
  get next(): number {
    return this.#next
  }

  /** Everything before it is done: the offset to commit. */
  get position(): number {
    return this.#open.first?.offset ?? this.#next
  }

  /** A record that was read; offsets ascend, and may leave gaps (compaction, markers of transactions). */
  add(record: Tracked): void {
    this.#open.push(record)
    this.#next = record.offset + 1
  }

  /** The batch that was read ends before this offset, though its last records may not have been for us. */
  skipTo(next: number): void {
    if (next > this.#next) this.#next = next
  }

  done(record: Tracked): void {
    record.isDone = true
    while (this.#open.first?.isDone) this.#open.shift()
  }
}
