import type { Linked, List } from '../list.ts'

/** The broker's name of a message that a consumer has in hand, for a list of them. */
export class Held implements Linked<Held> {
  readonly id: string
  list: List<Held> | undefined
  previous: Held | undefined
  next: Held | undefined

  constructor(id: string) {
    this.id = id
    this.list = this.previous = this.next = undefined
  }
}
