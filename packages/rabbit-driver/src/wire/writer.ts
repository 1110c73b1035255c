import type { HeaderValue } from '@comm/messaging'

/** Room for the longest table, for names beside it, and for a small body. */
const MEMORY_BYTES = 80 * 1024
const LONGEST_SHORT_STRING = 255
const LENGTH_BYTES = 4
const ASCII = 0x7f
/** Longer texts are written sooner by a call out of JavaScript. */
const LONGEST_LOOPED = 64

/** Writes what AMQP 0-9-1 is made of (section 4.2), one thing after the other, into memory that is used again. */
export class Writer {
  readonly #memory = Buffer.allocUnsafeSlow(MEMORY_BYTES)
  #at = 0

  /** Forgets what was written. */
  begin(): void {
    this.#at = 0
  }

  /** A copy of what was written. */
  written(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at)
    copy.set(this.#memory.subarray(0, this.#at))
    return copy
  }

  octet(value: number): void {
    this.#memory[this.#at++] = value
  }

  short(value: number): void {
    this.#at = this.#memory.writeUInt16BE(value, this.#at)
  }

  long(value: number): void {
    this.#at = this.#memory.writeUInt32BE(value, this.#at)
  }

  /** Text in UTF-8. @throws RangeError beyond 255 bytes */
  shortString(value: HeaderValue): void {
    const length = this.#put(value, this.#at + 1)
    if (length > LONGEST_SHORT_STRING) throw new RangeError(`'${String(value).slice(0, 32)}…' takes ${length} bytes`)
    this.octet(length)
    this.#at += length
  }

  longString(value: HeaderValue): void {
    const length = this.#put(value, this.#at + LENGTH_BYTES)
    this.long(length)
    this.#at += length
  }

  bytes(value: Uint8Array): void {
    this.#at += this.#put(value, this.#at)
  }

  /** What follows has its length before it, in a long: `endMeasured` writes that. @returns where */
  beginMeasured(): number {
    const start = this.#at
    this.#at += LENGTH_BYTES
    return start
  }

  /** @returns the length */
  endMeasured(start: number): number {
    const length = this.#at - start - LENGTH_BYTES
    this.#memory.writeUInt32BE(length, start)
    return length
  }

  /** @returns how many bytes it takes; fewer where there is no room, which is too much for any part of a message */
  #put(value: HeaderValue, at: number): number {
    if (at + value.length > MEMORY_BYTES) throw new RangeError(`a value of ${value.length} bytes is too long`)
    if (typeof value !== 'string') {
      this.#memory.set(value, at)
      return value.length
    }
    const { length } = value
    if (length > LONGEST_LOOPED) return this.#memory.write(value, at)
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index)
      if (code > ASCII) return this.#memory.write(value, at)
      this.#memory[at + index] = code
    }
    return length
  }
}
