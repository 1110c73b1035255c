import { isUtf8 } from 'node:buffer'
import { type Cursor, corrupt } from './cursor.ts'

export type HeaderText = string | Buffer

/** Places of which the name is remembered. */
const MOST_REMEMBERED = 32
const REPLACED = '\uFFFD'

/** Reads the headers of records, most of which have the same names in the same order. */
export class HeaderReader {
  readonly #names: string[] = []
  readonly #bytes: Buffer[] = []

  /** Text where it is UTF-8; of several of one name the last. @throws ConsumeError */
  read(cursor: Cursor): Record<string, HeaderText> {
    const headers: Record<string, HeaderText> = {}
    const count = cursor.varint()
    if (count < 0) throw corrupt(`${count} headers`)
    for (let place = 0; place < count; place++) {
      const name = this.#name(cursor, place)
      const length = cursor.varint()
      if (length === -1) {
        delete headers[name]
        continue
      }
      const at = cursor.skip(length)
      const text = cursor.bytes.toString(undefined, at, at + length)
      setHeader(headers, name, text.includes(REPLACED) ? textOrBytes(cursor.bytes.subarray(at, at + length)) : text)
    }
    return headers
  }

  #name(cursor: Cursor, place: number): string {
    const length = cursor.varint()
    const at = cursor.skip(length)
    const { bytes } = cursor
    const known = this.#bytes[place]
    if (known?.length === length) {
      let same = 0
      while (same < length && known[same] === bytes[at + same]) same++
      if (same === length) return this.#names[place] as string
    }
    const name = bytes.toString(undefined, at, at + length)
    if (place < MOST_REMEMBERED && place <= this.#names.length) {
      this.#names[place] = name
      // A copy: it must not hold all that came with it.
      this.#bytes[place] = Buffer.from(bytes.subarray(at, at + length))
    }
    return name
  }
}

/** Whoever writes to a topic chooses the names, also that which would give the object another prototype. */
export function setHeader(headers: Record<string, HeaderText>, name: string, value: HeaderText): void {
  if (name !== '__proto__') headers[name] = value
  else Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true })
}

/** Kafka does not tell text from bytes. */
export function textOrBytes(value: Buffer): HeaderText {
  return isUtf8(value) ? value.toString() : value
}
