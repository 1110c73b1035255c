import { appendFileSync } from 'node:fs'
import type { TotalsEvent } from './totals.ts'

/** What of Jest's `AggregatedResult` counts. */
interface Results {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numRuntimeErrorTestSuites: number
}

/** Notes the beginning and the end of a Jest run in a file, one JSON object a line, for `.ci/totals.ts` to sum up. */
// Jest's contract: a reporter is a default export.
// biome-ignore lint/style/noDefaultExport: see above
export default class TotalsReporter {
  readonly #file: string

  constructor(_globalConfig: unknown, options: { readonly file: string }) {
    this.#file = options.file
  }

  onRunStart(): void {
    this.#note({ event: 'start' })
  }

  onRunComplete(_contexts: unknown, results: Results): void {
    this.#note({
      event: 'end',
      passed: results.numPassedTests,
      failed: results.numFailedTests,
      // A file that cannot be loaded has no tests to count, and must not pass for one without failures.
      brokenFiles: results.numRuntimeErrorTestSuites,
    })
  }

  #note(event: TotalsEvent): void {
    appendFileSync(this.#file, `${JSON.stringify(event)}\n`)
  }
}
