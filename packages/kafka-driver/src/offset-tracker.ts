import type { Position } from './driver.ts'

/** One record of a partition that was read. */
export interface Tracked {
  readonly offset: number
  isDone: boolean
}

const TRIM_AT = 1024
/** Kafka keeps no more bytes with an offset (`offset.metadata.max.bytes`). */
const LONGEST_NOTE = 4000
const DIGITS = 36

/**
 * How far a partition is done: Kafka keeps one offset for each group, so what lies before it must be done without a gap, in whatever order
 * the records are settled. What is done beyond the gap is noted beside it.
 */
export class OffsetTracker<Item extends Tracked> {
  /** In the order of their offsets; those before `#first` are done. */
  #items: (Item | undefined)[] = []
  #first = 0
  #next: number
  #doneBeyond = 0
  readonly #known: ReadonlySet<number>

  /** @param start the first offset that will be read @param note what somebody noted beside it */
  constructor(start: number, note = '') {
    this.#next = start
    this.#known = noted(start, note)
  }

  /** The offset of the next record to read. */
  get next(): number {
    return this.#next
  }

  /** Everything before it is done: the offset to commit. */
  get position(): number {
    return this.#items[this.#first]?.offset ?? this.#next
  }

  /** What is done beyond the position, to be kept beside it: distance and length of each run. */
  get note(): string {
    if (this.#doneBeyond === 0) return ''
    let at = this.position
    let note = ''
    for (let index = this.#first; index < this.#items.length; index++) {
      const from = this.#items[index] as Item
      if (!from.isDone) continue
      while (this.#items[index + 1]?.isDone) index++
      const end = (this.#items[index] as Item).offset + 1
      const run = `${(from.offset - at).toString(DIGITS)}.${(end - from.offset).toString(DIGITS)}.`
      if (note.length + run.length > LONGEST_NOTE) break
      note += run
      at = end
    }
    return note
  }

  /** Read, and not known to be done with all before them. */
  open(): readonly Item[] {
    return this.#items.slice(this.#first) as Item[]
  }

  /** A record that was read; offsets ascend, and may leave gaps (compaction, marks of transactions). @returns whether it is done already */
  add(record: Item): boolean {
    this.#items.push(record)
    this.#next = record.offset + 1
    const isKnown = this.#known.size > 0 && this.#known.has(record.offset)
    if (isKnown) this.done(record)
    return isKnown
  }

  /** The batch that was read ends before this offset, though its last records may not have been for us. */
  skipTo(next: number): void {
    if (next > this.#next) this.#next = next
  }

  done(record: Item): void {
    record.isDone = true
    this.#doneBeyond++
    const items = this.#items
    for (; items[this.#first]?.isDone; this.#doneBeyond--) items[this.#first++] = undefined
    if (this.#first === items.length) {
      this.#items = []
      this.#first = 0
    } else if (this.#first >= TRIM_AT && this.#first * 2 > items.length) {
      this.#items = items.slice(this.#first)
      this.#first = 0
    }
  }
}

/** A record whose contents do not matter. */
class Offset implements Tracked {
  readonly offset: number
  isDone = false

  constructor(offset: number) {
    this.offset = offset
  }
}

/** A position with these offsets done beyond it, as far as that can be noted. */
export function doneBeyond(position: Position, offsets: readonly number[]): Position {
  const { offset: from, note } = position
  const tracker = new OffsetTracker<Offset>(from, note)
  const done = new Set(offsets)
  const last = [...offsets, ...noted(from, note)].reduce((most, offset) => Math.max(most, offset), from - 1)
  for (let offset = from; offset <= last; offset++) {
    const record = new Offset(offset)
    if (!tracker.add(record) && done.has(offset)) tracker.done(record)
  }
  return { ...position, offset: tracker.position, note: tracker.note }
}

/** What is done beyond a position, by its note. What a foreign client has noted there is not ours, and says nothing. */
export function noted(start: number, note = ''): ReadonlySet<number> {
  const known = new Set<number>()
  if (!/^(?:[\da-z]+\.[\da-z]+\.)+$/.test(note)) return known
  const numbers = note.split('.').map((digits) => Number.parseInt(digits, DIGITS))
  for (let at = start, index = 0; index + 1 < numbers.length; index += 2) {
    at += numbers[index] as number
    for (let left = numbers[index + 1] as number; left > 0; left--) known.add(at++)
  }
  return known
}
