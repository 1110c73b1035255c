import { ConsumeError } from '@comm/core'

const TWO_32 = 2 ** 32
const TWO_31 = 2 ** 31
/** Bytes of a number that a shift has room for, and the most that a long one may have. */
const SHORT_BYTES = 4
const LONG_BYTES = 10

/** What Kafka sent is not what its protocol says. It may have come so over the network, so it is fetched again. */
export function corrupt(what: string): ConsumeError {
  const error = new ConsumeError(`Kafka sent what cannot be read: ${what}`, { retryable: true })
  // kafkajs would ask for the same at once, for ever.
  return Object.assign(error, { retriable: false })
}

/** Reads what Kafka's protocol writes, and never beyond the end. Every method throws what `corrupt` makes. */
export class Cursor {
  readonly bytes: Buffer
  at: number
  end: number

  constructor(bytes: Buffer, at = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  /** @returns where it was @throws ConsumeError when there are not so many bytes */
  skip(count: number): number {
    const { at } = this
    if (count < 0 || count > this.end - at) throw corrupt(`${count} bytes where there are ${this.end - at}`)
    this.at = at + count
    return at
  }

  int16(): number {
    return this.bytes.readInt16BE(this.skip(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.skip(4))
  }

  /** Exact up to 2^53. */
  int64(): number {
    const at = this.skip(8)
    return this.bytes.readInt32BE(at) * TWO_32 + this.bytes.readUInt32BE(at + 4)
  }

  /** Zigzag, of 32 or 64 bits; exact up to 2^53. */
  varint(): number {
    const first = this.bytes[this.at] as number
    if (first < 0x80 && this.at < this.end) {
      this.at++
      return (first >>> 1) ^ -(first & 1)
    }
    return this.#longVarint()
  }

  #longVarint(): number {
    const { bytes, at } = this
    const last = Math.min(this.end, at + LONG_BYTES)
    let value = 0
    let weight = 1
    for (let next = at; next < last; next++) {
      const byte = bytes[next] as number
      const bits = byte & 0x7f
      if (next < at + SHORT_BYTES) value |= bits << (7 * (next - at))
      else {
        if (next === at + SHORT_BYTES) weight = 2 ** (7 * SHORT_BYTES)
        value += bits * weight
        weight *= 0x80
      }
      if (byte < 0x80) {
        this.at = next + 1
        if (value < TWO_31) return (value >>> 1) ^ -(value & 1)
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
    }
    throw corrupt('a number without an end')
  }

  /** @param length -1: there is none */
  slice(length: number): Buffer | null {
    if (length === -1) return null
    const at = this.skip(length)
    return this.bytes.subarray(at, at + length)
  }

  text(length: number): string {
    const at = this.skip(length)
    return this.bytes.toString(undefined, at, at + length)
  }
}
