/** A set of small numbers, a bit each. */
export class Bits {
  #bytes: Uint8Array
  #size = 0

  constructor(bytes: Uint8Array = new Uint8Array(1024)) {
    this.#bytes = bytes
    for (const byte of bytes) for (let rest = byte; rest > 0; rest &= rest - 1) this.#size++
  }

  static fromText(base64: string): Bits {
    return new Bits(Buffer.from(base64, 'base64'))
  }

  get size(): number {
    return this.#size
  }

  /** @returns false when it was in before */
  add(number: number): boolean {
    if (this.has(number)) return false
    const at = number >> 3
    if (at >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[at] = (this.#bytes[at] ?? 0) | (1 << (number & 7))
    this.#size++
    return true
  }

  has(number: number): boolean {
    return ((this.#bytes[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
  }

  /** How many of these are not in the other. */
  countMissingIn(other: Bits): number {
    let missing = 0
    for (let number = 0; number < this.#bytes.length * 8; number++) if (this.has(number) && !other.has(number)) missing++
    return missing
  }

  toText(): string {
    return Buffer.from(this.#bytes).toString('base64')
  }
}
