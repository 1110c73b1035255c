import type { ServerResponse } from 'node:http'

const PLACE: unique symbol = Symbol('place')

interface Place {
  readonly response: ServerResponse
  previous: Place | undefined
  next: Place | undefined
}

type Placed = ServerResponse & { [PLACE]?: Place | undefined }

/**
 * The responses that are under way. A list, not a Set: the old tables of a Set that grows and shrinks hold everything that was in them
 * until a full garbage collection, and responses hold whole requests.
 */
export class OpenResponses {
  #first: Place | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(response: ServerResponse): void {
    const place: Place = { response, previous: undefined, next: this.#first }
    if (this.#first !== undefined) this.#first.previous = place
    this.#first = place
    this.#size++
    ;(response as Placed)[PLACE] = place
  }

  delete(response: ServerResponse): void {
    const place = (response as Placed)[PLACE]
    if (place === undefined) return
    ;(response as Placed)[PLACE] = undefined
    if (place.previous === undefined) this.#first = place.next
    else place.previous.next = place.next
    if (place.next !== undefined) place.next.previous = place.previous
    place.previous = place.next = undefined
    this.#size--
  }

  *[Symbol.iterator](): Iterator<ServerResponse> {
    for (let place = this.#first; place !== undefined; ) {
      const { next } = place
      yield place.response
      place = next
    }
  }
}
