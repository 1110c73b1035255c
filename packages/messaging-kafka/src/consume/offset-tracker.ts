/** One record of a partition that was read. */
export interface Tracked {
  readonly offset: number
  isDone: boolean
}

/**
 * The offset up to which a partition can be committed: Kafka keeps one number for each group, so what lies before it must be done without
 * a gap, in whatever order the records are settled.
 */
export class OffsetTracker<Item extends Tracked> {
  /** In the order of their offsets; those before `#first` are done. */
  #items: (Item | undefined)[] = []
  #first = 0
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
    return this.#items[this.#first]?.offset ?? this.#next
  }

  /** Read, and not known to be done with all before them. */
  open(): readonly Item[] {
    return this.#items.slice(this.#first) as Item[]
  }

  /** A record that was read; offsets ascend, and may leave gaps (compaction, markers of transactions). */
  add(record: Item): void {
    this.#items.push(record)
    this.#next = record.offset + 1
  }

  /** The batch that was read ends before this offset, though its last records may not have been for us. */
  skipTo(next: number): void {
    if (next > this.#next) this.#next = next
  }

  done(record: Item): void {
    record.isDone = true
    const items = this.#items
    while (items[this.#first]?.isDone) items[this.#first++] = undefined
    if (this.#first === items.length) {
      this.#items = []
      this.#first = 0
    } else if (this.#first >= TRIM_AT && this.#first * 2 > items.length) {
      this.#items = items.slice(this.#first)
      this.#first = 0
    }
  }
}

const TRIM_AT = 1024
