/** The functions of a test runner that the suites use: Jest, Vitest and `node:test` have them. */
export interface TestRunner {
  readonly describe: (name: string, define: () => void) => unknown
  readonly it: ((name: string, test: () => Promise<void>, timeoutMs?: number) => unknown) & {
    readonly skip: (name: string, test: () => Promise<void>) => unknown
  }
  /** `after` of `node:test`. */
  readonly afterAll: (clean: () => Promise<void>) => unknown
}
