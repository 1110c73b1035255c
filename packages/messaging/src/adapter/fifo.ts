/** Fewer places than this are not worth moving anything. */
const FEWEST_FREED = 1024

/** A queue whose steps do not grow with its length, nor its memory with what has passed through it. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = []
  #head = 0

  push(item: Item): void {
    this.#items.push(item)
  }

  unshift(item: Item): void {
    if (this.#head > 0) this.#items[--this.#head] = item
    else this.#items.unshift(item)
  }

  shift(): Item | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= FEWEST_FREED && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Takes all out. */
  drain(): Item[] {
    const left = this.#items.slice(this.#head) as Item[]
    this.#items = []
    this.#head = 0
    return left
  }
}
