const NO_BYTES = -1
const ASCII = 0x7f
/** Longer texts are written sooner by a call out of JavaScript. */
const LONGEST_LOOPED = 64
/** The most that a number of 32 bits takes. */
export const VARINT_BYTES = 5
/** In UTF-8, of each unit of a text. */
export const MOST_UNIT_BYTES = 3

/** Writes what Kafka's protocol is made of, into memory that its maker has measured. */
export class Writer {
  readonly bytes: Buffer
  at = 0

  /** @param size no less than what will be written */
  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size)
  }

  get written(): Buffer {
    return this.bytes.subarray(0, this.at)
  }

  int8(value: number): void {
    this.bytes[this.at++] = value
  }

  int16(value: number): void {
    this.at = this.bytes.writeInt16BE(value, this.at)
  }

  int32(value: number): void {
    this.at = this.bytes.writeInt32BE(value, this.at)
  }

  int64(value: bigint): void {
    this.at = this.bytes.writeBigInt64BE(value, this.at)
  }

  /** Zigzag, of 32 bits. */
  varint(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.at++] = rest
  }

  /** With its length in 16 bits. */
  string(text: string): void {
    const length = this.bytes.write(text, this.at + 2)
    this.int16(length)
    this.at += length
  }

  /** With its length as a varint. */
  text(text: string): void {
    const start = this.at
    const { length } = text
    if (length <= LONGEST_LOOPED) {
      this.varint(length)
      let next = 0
      for (; next < length; next++) {
        const code = text.charCodeAt(next)
        if (code > ASCII) break
        this.bytes[this.at++] = code
      }
      if (next === length) return
      this.at = start
    }
    this.varint(Buffer.byteLength(text))
    this.at += this.bytes.write(text, this.at)
  }

  /** With their length as a varint. */
  blob(value: Uint8Array | null): void {
    if (value === null) return this.varint(NO_BYTES)
    this.varint(value.byteLength)
    this.bytes.set(value, this.at)
    this.at += value.byteLength
  }

  /** What `write` writes, with its length as a varint. */
  measured(write: () => void): void {
    // Right for 64 to 8191 bytes, as most records have.
    const guess = 2
    const start = this.at
    this.at = start + guess
    write()
    const end = this.at
    const length = end - start - guess
    const width = varintBytes(length)
    if (width !== guess) this.bytes.copyWithin(start + width, start + guess, end)
    this.at = start
    this.varint(length)
    this.at += length
  }
}

/** @param value not negative */
function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value >>> 6; rest > 0; rest >>>= 7) bytes++
  return bytes
}
