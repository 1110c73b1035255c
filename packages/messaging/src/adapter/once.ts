/** Makes what has a name once, however many ask for it at the same time; again after that failed, or it was forgotten. */
export class Once {
  readonly #made = new Map<string, Promise<unknown>>()
  /** Those that are there. */
  readonly #values = new Map<string, unknown>()
  readonly #remaking = new Map<string, Promise<unknown>>()

  /** @param make what this name always stands for */
  make<Made>(name: string, make: () => Promise<Made>): Promise<Made> {
    const existing = this.#made.get(name)
    if (existing !== undefined) return existing as Promise<Made>
    const making = make()
    this.#made.set(name, making)
    making.then(
      (made) => this.#made.get(name) === making && this.#values.set(name, made),
      () => this.#made.get(name) === making && this.forget(name),
    )
    return making
  }

  /** What was made under this name and is there; without a wait, for where it is asked for again and again. */
  made<Made>(name: string): Made | undefined {
    return this.#values.get(name) as Made | undefined
  }

  /** Makes what may be gone, whoever made it: once for all that ask until it is there. */
  remake<Made>(name: string, make: () => Promise<Made>): Promise<Made> {
    const underWay = this.#remaking.get(name)
    if (underWay !== undefined) return underWay as Promise<Made>
    this.forget(name)
    const making = this.make(name, make).finally(() => this.#remaking.delete(name))
    this.#remaking.set(name, making)
    return making
  }

  forget(name: string): void {
    this.#made.delete(name)
    this.#values.delete(name)
  }
}
