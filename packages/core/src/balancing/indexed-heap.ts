import type { Candidate } from './candidate.ts'

/**
 * The candidates by their `heapKey`, the lowest first; among equal keys the one whose key was set longest ago, so that equals take
 * turns. A binary heap in which any member can be moved, each step O(log n).
 */
export class IndexedHeap {
  #members: Candidate[] = []
  #turn = 0

  get first(): Candidate | undefined {
    return this.#members[0]
  }

  /** Fills it anew. O(n). */
  fill(candidates: readonly Candidate[], keyOf: (candidate: Candidate) => number): void {
    for (const old of this.#members) old.heapIndex = -1
    this.#members = [...candidates]
    for (const [index, candidate] of this.#members.entries()) {
      candidate.heapIndex = index
      candidate.heapKey = keyOf(candidate)
      candidate.heapTurn = this.#turn++
    }
    for (let index = (this.#members.length >> 1) - 1; index >= 0; index--) this.#sink(this.#members[index] as Candidate)
  }

  /** Gives a member another key; one that is no member is left alone. */
  move(candidate: Candidate, key: number): void {
    if (candidate.heapIndex < 0) return
    const rises = key < candidate.heapKey
    candidate.heapKey = key
    candidate.heapTurn = this.#turn++
    if (rises) this.#rise(candidate)
    else this.#sink(candidate)
  }

  #rise(candidate: Candidate): void {
    const members = this.#members
    let index = candidate.heapIndex
    while (index > 0) {
      const above = members[(index - 1) >> 1] as Candidate
      if (!isBefore(candidate, above)) break
      members[index] = above
      above.heapIndex = index
      index = (index - 1) >> 1
    }
    members[index] = candidate
    candidate.heapIndex = index
  }

  #sink(candidate: Candidate): void {
    const members = this.#members
    const { length } = members
    let index = candidate.heapIndex
    for (;;) {
      let child = 2 * index + 1
      if (child >= length) break
      if (child + 1 < length && isBefore(members[child + 1] as Candidate, members[child] as Candidate)) child++
      const below = members[child] as Candidate
      if (!isBefore(below, candidate)) break
      members[index] = below
      below.heapIndex = index
      index = child
    }
    members[index] = candidate
    candidate.heapIndex = index
  }
}

function isBefore(one: Candidate, other: Candidate): boolean {
  return one.heapKey < other.heapKey || (one.heapKey === other.heapKey && one.heapTurn < other.heapTurn)
}
