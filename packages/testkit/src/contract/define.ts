import type { TestRunner } from '../runner.ts'
import type { CaseReport, ContractReport } from './report.ts'

/** One case of a contract, and what it is given to work with. */
export interface CaseOf<Context> {
  /** Stable: skips and support tables name it. */
  readonly id: string
  readonly title: string
  readonly run: (context: Context) => Promise<void>
}

/** Cases of one theme, in the order in which they run. */
export interface ThemeOf<Case> {
  readonly name: string
  readonly cases: readonly Case[]
}

export interface ContractDefinition<Context extends AsyncDisposable, Case extends CaseOf<Context>> {
  /** `broker contract`. */
  readonly title: string
  /** What the cases are about, in reports and support tables. */
  readonly subject: string
  readonly themes: readonly ThemeOf<Case>[]
  /** Why a case cannot run on this subject; undefined when it can. */
  readonly reasonToSkip: (each: Case) => string | undefined
  /** Case id to the reason, in words. */
  readonly skip: Readonly<Record<string, string>> | undefined
  /** Made anew for each case, and disposed of after it. */
  readonly createContext: () => Context
  readonly timeoutMs: number
  /** Called once, when all cases have run. */
  readonly report?: ((report: ContractReport) => void) | undefined
}

/**
 * Defines a contract as tests of the runner that is passed in, one `describe` per theme. A case that the subject cannot run is skipped, and
 * its title says why.
 */
export function defineContract<Context extends AsyncDisposable, Case extends CaseOf<Context>>(
  runner: TestRunner,
  definition: ContractDefinition<Context, Case>,
): void {
  const { title: contract, subject, themes, reasonToSkip, createContext, timeoutMs, report } = definition
  const reports: CaseReport[] = []
  checkSkips(definition)
  runner.describe(`${contract}: ${subject}`, () => {
    for (const { name: theme, cases } of themes) {
      runner.describe(theme, () => {
        for (const each of cases) {
          const { id, title } = each
          const reason = reasonToSkip(each)
          const test = async (): Promise<void> => void reports.push(await runCase(theme, each))
          if (reason === undefined) {
            runner.it(title, test, timeoutMs)
          } else {
            reports.push({ id, theme, title, outcome: 'skipped', reason, durationMs: 0 })
            runner.it.skip(`${title} (skipped: ${reason})`, test)
          }
        }
      })
    }
    runner.afterAll(async () => report?.({ subject, cases: inOrder(reports) }))
  })

  async function runCase(theme: string, { id, title, run }: Case): Promise<CaseReport> {
    const startedAt = performance.now()
    try {
      await using context = createContext()
      await run(context)
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      reports.push({ id, theme, title, outcome: 'failed', reason, durationMs: performance.now() - startedAt })
      throw thrown
    }
    return { id, theme, title, outcome: 'passed', durationMs: performance.now() - startedAt }
  }

  /** The skipped ones were known first. */
  function inOrder(all: readonly CaseReport[]): readonly CaseReport[] {
    const places = new Map(themes.flatMap(({ cases }) => cases).map(({ id }, place) => [id, place]))
    return all.toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0))
  }
}

/** A skip that names no case would hide a misspelling for good. */
function checkSkips<Context extends AsyncDisposable, Case extends CaseOf<Context>>({
  title,
  themes,
  skip = {},
}: ContractDefinition<Context, Case>): void {
  const ids = new Set(themes.flatMap(({ cases }) => cases.map(({ id }) => id)))
  for (const [id, reason] of Object.entries(skip)) {
    if (!ids.has(id)) throw new Error(`${title}: skip names ${id}, which is not a case. Cases: ${[...ids].join(', ')}`)
    if (reason.trim() === '') throw new Error(`${title}: skip.${id} needs a reason in words`)
  }
}
