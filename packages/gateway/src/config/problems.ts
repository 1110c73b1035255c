import { ConfigurationError, type Problem } from '@comm/core'
import { checkOptions, configurationError, describeValue, type Rule, type Rules } from '@comm/core/options'

/** Gathers everything that is wrong with a configuration, so that it is told at once. */
export class Problems {
  readonly #found: Problem[] = []

  get count(): number {
    return this.#found.length
  }

  add(key: string, received: unknown, expected: string): void {
    this.#found.push({ key, received: describeValue(received), expected })
  }

  /** Something is wrong that is no single value. @param received in words */
  note(key: string, received: string, expected: string): void {
    this.#found.push({ key, received, expected })
  }

  /** @returns whether the value is acceptable */
  check(key: string, value: unknown, rule: Rule): boolean {
    if (rule.accepts(value)) return true
    this.add(key, value, rule.expected)
    return false
  }

  /** @returns whether nothing is wrong with the options */
  options<Options extends object>(key: string, received: Options, rules: Rules<Options>): boolean {
    return (
      this.attempt(() => {
        checkOptions<Options>(key, received, rules)
        return true
      }) === true
    )
  }

  /** Runs what may throw a ConfigurationError; one that lists no problems is thrown on. @param rename changes the keys of its problems */
  attempt<Result>(run: () => Result, rename: (key: string) => string = (key) => key): Result | undefined {
    try {
      return run()
    } catch (thrown) {
      if (!(thrown instanceof ConfigurationError) || thrown.problems.length === 0) throw thrown
      for (const problem of thrown.problems) this.#found.push({ ...problem, key: rename(problem.key) })
      return undefined
    }
  }

  /** @throws ConfigurationError with every problem, if there is one */
  throwIfAny(what: string): void {
    if (this.#found.length > 0) throw configurationError(what, this.#found)
  }
}
