/** A path of a document: `/orders/{id}`, `/files/{name}.json`. */
export class PathTemplate {
  readonly text: string
  readonly names: readonly string[]
  readonly segmentCount: number
  readonly #test: RegExp

  constructor(text: string) {
    this.text = text
    const parts = text.split(/(\{[^{}/]+\})/)
    this.names = parts.filter((_, at) => at % 2 === 1).map((part) => part.slice(1, -1))
    this.segmentCount = text.split('/').length
    // A parameter ends where what follows it begins, so that no path takes long to be matched.
    const one = (at: number): string => `([^/${escaped(parts[at + 1]?.[0] ?? '')}]+)`
    this.#test = new RegExp(`^${parts.map((part, at) => (at % 2 === 1 ? one(at) : escaped(part))).join('')}$`)
  }

  /** @param path as it was written @returns the parameters, decoded; undefined: another path */
  match(path: string): Readonly<Record<string, string>> | undefined {
    const found = this.#test.exec(path)
    if (found === null) return undefined
    return Object.fromEntries(this.names.map((name, at) => [name, decoded(found[at + 1] ?? '')]))
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\-]/g, String.raw`\$&`)
}
