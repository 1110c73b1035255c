import type { MemoryRecord } from './record.ts'

/** The last records of a topic, within a number and a size. Adding is O(1). */
export class RetainedLog {
  readonly #maxRecords: number
  readonly #maxBytes: number
  #records: (MemoryRecord | undefined)[] = []
  #head = 0
  #bytes = 0

  constructor(maxRecords: number, maxBytes: number) {
    this.#maxRecords = maxRecords
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#records.length - this.#head
  }

  add(record: MemoryRecord): void {
    this.#records.push(record)
    this.#bytes += record.body.length
    while (this.size > this.#maxRecords || (this.#bytes > this.#maxBytes && this.size > 0)) this.#dropOldest()
  }

  /** Oldest first. */
  *[Symbol.iterator](): Generator<MemoryRecord> {
    for (let at = this.#head; at < this.#records.length; at++) {
      const record = this.#records[at]
      if (record !== undefined) yield record
    }
  }

  remove(ids: ReadonlySet<string>): number {
    const kept = [...this].filter((record) => !ids.has(record.id))
    const removed = this.size - kept.length
    this.#records = kept
    this.#head = 0
    this.#bytes = kept.reduce((bytes, { body }) => bytes + body.length, 0)
    return removed
  }

  clear(): number {
    const removed = this.size
    this.#records = []
    this.#head = 0
    this.#bytes = 0
    return removed
  }

  #dropOldest(): void {
    this.#bytes -= this.#records[this.#head]?.body.length ?? 0
    this.#records[this.#head++] = undefined
    if (this.#head > 32 && this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head)
      this.#head = 0
    }
  }
}
