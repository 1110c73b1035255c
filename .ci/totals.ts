// Sums up what `totals-reporter.ts` noted: `node .ci/totals.ts FILE` prints `N passed, N failed` and ends with 1 unless all is well.
import { readFileSync } from 'node:fs'

export type TotalsEvent =
  | { readonly event: 'start' }
  | { readonly event: 'end'; readonly passed: number; readonly failed: number; readonly brokenFiles: number }

export interface Totals {
  readonly passed: number
  /** Failed tests, and files that could not be loaded. */
  readonly failed: number
  /** Why the run is no success although no test failed; empty when all is well. */
  readonly problems: readonly string[]
}

/** @param notes one JSON object a line */
export function sumUp(notes: string): Totals {
  const events = notes
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as TotalsEvent)
  const ends = events.filter((event) => event.event === 'end')
  const passed = ends.reduce((sum, end) => sum + end.passed, 0)
  const failed = ends.reduce((sum, end) => sum + end.failed + end.brokenFiles, 0)
  const crashed = events.length - 2 * ends.length
  const problems = []
  if (crashed > 0) problems.push(`${crashed} of ${events.length - ends.length} Jest runs did not come to its end`)
  if (passed + failed === 0) problems.push('no test ran')
  return { passed, failed, problems }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

if (import.meta.main) {
  const [file] = process.argv.slice(2)
  if (file === undefined) throw new Error('totals.ts needs the file that the reporter wrote, got no argument')
  const { passed, failed, problems } = sumUp(read(file))
  for (const problem of problems) console.error(problem)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || problems.length > 0 ? 1 : 0
}
