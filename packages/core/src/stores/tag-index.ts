/** Which keys carry a tag. A tag without keys takes no memory. */
export class TagIndex {
  readonly #keys = new Map<string, Set<string>>()

  keysOf(tag: string): readonly string[] {
    return [...(this.#keys.get(tag) ?? [])]
  }

  add(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag)
      if (keys === undefined) this.#keys.set(tag, new Set([key]))
      else keys.add(key)
    }
  }

  remove(key: string, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag)
      if (keys?.delete(key) && keys.size === 0) this.#keys.delete(tag)
    }
  }
}
