/** A queue at whose front something may be put back; each step O(1), its memory follows its length. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = new Array(SMALLEST)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): Item | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head]
  }

  push(item: Item): void {
    if (this.#size === this.#items.length) this.#resize(this.#size * 2)
    this.#items[(this.#head + this.#size++) & (this.#items.length - 1)] = item
  }

  unshift(item: Item): void {
    if (this.#size === this.#items.length) this.#resize(this.#size * 2)
    this.#head = (this.#head - 1) & (this.#items.length - 1)
    this.#items[this.#head] = item
    this.#size++
  }

  shift(): Item | undefined {
    if (this.#size === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#items.length - 1)
    this.#size--
    if (this.#items.length > SMALLEST && this.#size < this.#items.length / 8) this.#resize(this.#items.length / 4)
    return item
  }

  /** @param length a power of two, so that a mask does for the modulo */
  #resize(length: number): void {
    const items: (Item | undefined)[] = new Array(Math.max(SMALLEST, length))
    for (let at = 0; at < this.#size; at++) items[at] = this.#items[(this.#head + at) & (this.#items.length - 1)]
    this.#items = items
    this.#head = 0
  }
}

const SMALLEST = 4
