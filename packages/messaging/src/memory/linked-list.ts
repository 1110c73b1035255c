export interface Linked<Node> {
  next: Node | undefined
}

/** A queue of nodes that carry their own link: every step is O(1) and allocates nothing. A node is in one list at a time. */
export class LinkedList<Node extends Linked<Node>> {
  #first: Node | undefined
  #last: Node | undefined

  get first(): Node | undefined {
    return this.#first
  }

  push(node: Node): void {
    if (this.#last === undefined) this.#first = node
    else this.#last.next = node
    this.#last = node
  }

  unshift(node: Node): void {
    node.next = this.#first
    this.#first = node
    this.#last ??= node
  }

  shift(): Node | undefined {
    const node = this.#first
    if (node === undefined) return undefined
    this.#first = node.next
    if (this.#first === undefined) this.#last = undefined
    node.next = undefined
    return node
  }
}
