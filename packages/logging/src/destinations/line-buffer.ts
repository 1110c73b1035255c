const CHUNK_BYTES = 65_536
const LINE_BREAK = 0x0a

/** Finished lines that wait for their way out, oldest first, in at most so many bytes: large chunks, so that little is held beside them. */
export class LineBuffer {
  readonly #maxBytes: number
  readonly #chunks: Chunk[] = []
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** @returns false when there is no room: nothing of it was taken */
  append(bytes: Uint8Array): boolean {
    if (this.#bytes + bytes.length > this.#maxBytes) return false
    this.appendAnyway(bytes)
    return true
  }

  /** For what must not be lost: the rest of a line that is half out. */
  appendAnyway(bytes: Uint8Array): void {
    let last = this.#chunks.at(-1)
    if (last === undefined || last.held.length - last.end < bytes.length) {
      last = { held: Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes.length)), start: 0, end: 0 }
      this.#chunks.push(last)
    }
    last.held.set(bytes, last.end)
    last.end += bytes.length
    this.#bytes += bytes.length
  }

  /** The oldest bytes; undefined when there are none. Valid until the next call of another method. */
  oldest(): Uint8Array | undefined {
    const first = this.#chunks[0]
    return first?.held.subarray(first.start, first.end)
  }

  /** So many of the oldest bytes have left. */
  remove(bytes: number): void {
    const first = this.#chunks[0]
    if (first === undefined) return
    first.start += bytes
    this.#bytes -= bytes
    if (first.start === first.end) this.#chunks.shift()
  }

  clear(): void {
    this.#chunks.length = 0
    this.#bytes = 0
  }

  /** How many lines are not wholly out, for a report of what is lost. */
  lines(): number {
    let found = 0
    for (const { held, start, end } of this.#chunks) {
      for (let at = held.indexOf(LINE_BREAK, start); at !== -1 && at < end; at = held.indexOf(LINE_BREAK, at + 1)) found += 1
    }
    return found
  }
}

interface Chunk {
  readonly held: Buffer
  start: number
  end: number
}
