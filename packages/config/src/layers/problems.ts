import { ConfigurationError, type Problem } from '@comm/core'

/** Collects what is wrong, so that the user sees all of it at once. */
export class Problems {
  readonly #problems: Problem[] = []
  readonly #lines: string[] = []

  /** A value that its setting does not take. */
  value(key: string, source: string, received: string, expected: string): void {
    this.#add({ key, source, received, expected }, `${key} must be ${expected}, got ${received} (${source})`)
  }

  /** A key that nothing is known by. */
  unknownKey(key: string, source: string, nearest: string | undefined): void {
    const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
    this.#add(
      { key, source, received: 'an unknown key', expected: nearest ?? 'a known key' },
      `${key} is not a known key${hint} (${source})`,
    )
  }

  /** One setting, written twice in one place. */
  twice(key: string, first: string, second: string): void {
    this.#add(
      { key, source: second, received: `a value from ${first} and one from ${second}`, expected: 'one value' },
      `${key} must be set once, but is set by ${first} and by ${second}`,
    )
  }

  /** A file that cannot be used as a whole. */
  file(path: string, source: string, received: string, expected: string): void {
    this.#add({ key: path, source, received, expected }, `${source} must be ${expected}, but ${received}`)
  }

  /** @throws ConfigurationError when anything was collected */
  throwIfAny(): void {
    const count = this.#problems.length
    if (count === 0) return
    const message =
      count === 1
        ? `the configuration is wrong: ${this.#lines[0]}`
        : `the configuration has ${count} problems:\n  ${this.#lines.join('\n  ')}`
    throw new ConfigurationError(message, { problems: [...this.#problems] })
  }

  #add(problem: Problem, line: string): void {
    this.#problems.push(problem)
    this.#lines.push(line)
  }
}
