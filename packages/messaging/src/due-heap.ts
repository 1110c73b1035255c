/** What waits in a `DueHeap`. */
export interface Due {
  readonly dueAt: number
  /** Among equal times the lower one comes first. */
  readonly order: number
  /** The heap's own: where it is. */
  heapAt: number
}

/** A binary heap, the earliest first, out of which any item can be taken. */
export class DueHeap<Item extends Due> {
  readonly #items: Item[] = []

  get first(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    this.#rise(item, this.#items.length)
  }

  /** Takes out an item that is in the heap. */
  remove(item: Item): void {
    const at = item.heapAt
    const last = this.#items.pop() as Item
    if (last === item) return
    const parent = this.#items[(at - 1) >> 1]
    if (at > 0 && isBefore(last, parent as Item)) this.#rise(last, at)
    else this.#sink(last, at)
  }

  #rise(item: Item, from: number): void {
    let at = from
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(item, this.#items[parent] as Item); parent = (at - 1) >> 1) {
      this.#set(at, this.#items[parent] as Item)
      at = parent
    }
    this.#set(at, item)
  }

  #sink(item: Item, from: number): void {
    const items = this.#items
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child + 1 < items.length && isBefore(items[child + 1] as Item, items[child] as Item)) child++
      if (child >= items.length || !isBefore(items[child] as Item, item)) break
      this.#set(at, items[child] as Item)
      at = child
    }
    this.#set(at, item)
  }

  #set(at: number, item: Item): void {
    this.#items[at] = item
    item.heapAt = at
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt
}
