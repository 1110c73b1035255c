/** Makes what has a name once, however many ask for it at the same time; again after that failed, or it was forgotten. */
export class Once {
  readonly #made = new Map<string, Promise<unknown>>()

  /** @param make what this name always stands for */
  make<Made>(name: string, make: () => Promise<Made>): Promise<Made> {
    const existing = this.#made.get(name)
    if (existing !== undefined) return existing as Promise<Made>
    const making = make()
    this.#made.set(name, making)
    making.catch(() => this.forget(name))
    return making
  }

  forget(name: string): void {
    this.#made.delete(name)
  }
}
