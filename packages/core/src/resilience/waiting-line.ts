/** One that waits, in the line of its priority. */
export class Waiter {
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  line: Line | undefined = undefined
  readonly priority: number

  constructor(priority: number) {
    this.priority = priority
  }

  /** Leaves in constant time; again, or without having waited, does nothing. */
  leave(): void {
    this.line?.remove(this)
  }
}

/** Those of one priority, in order of arrival. */
class Line {
  readonly priority: number
  readonly #whole: WaitingLine<Waiter>
  oldest: Waiter | undefined = undefined
  newest: Waiter | undefined = undefined

  constructor(priority: number, whole: WaitingLine<Waiter>) {
    this.priority = priority
    this.#whole = whole
  }

  add(waiter: Waiter): void {
    waiter.line = this
    waiter.previous = this.newest
    if (this.newest === undefined) this.oldest = waiter
    else this.newest.next = waiter
    this.newest = waiter
  }

  remove(waiter: Waiter): void {
    if (waiter.previous === undefined) this.oldest = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === undefined) this.newest = waiter.previous
    else waiter.next.previous = waiter.previous
    waiter.line = waiter.previous = waiter.next = undefined
    this.#whole.removed(this)
  }
}

/** Who waits for a place: highest priority first, and within a priority the oldest or the newest, as is asked. */
export class WaitingLine<Kind extends Waiter> {
  /** By priority, the highest first; never an empty one. There are few priorities, so a look along them is cheap. */
  readonly #lines: Line[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  add(waiter: Kind): void {
    const { priority } = waiter
    const at = this.#lines.findIndex((line) => line.priority <= priority)
    let line = at === -1 ? undefined : this.#lines[at]
    if (line?.priority !== priority) {
      line = new Line(priority, this)
      this.#lines.splice(at === -1 ? this.#lines.length : at, 0, line)
    }
    line.add(waiter)
    this.#size++
  }

  /** Who is next; he still waits. */
  first(newestFirst: boolean): Kind | undefined {
    const line = this.#lines[0]
    return (newestFirst ? line?.newest : line?.oldest) as Kind | undefined
  }

  /** Who is to go when one of a higher priority needs his place: the newest of the lowest priority below it. */
  least(below: number): Kind | undefined {
    const line = this.#lines.at(-1)
    return line !== undefined && line.priority < below ? (line.newest as Kind | undefined) : undefined
  }

  /** Told by a line that it has one less. */
  removed(line: Line): void {
    this.#size--
    if (line.oldest === undefined) this.#lines.splice(this.#lines.indexOf(line), 1)
  }
}
