import { relative } from 'node:path'
import type { ReporterOptions } from 'knip'

/** What the part `unused` reads: how many files knip looked at, and one line per finding. */
export interface KnipSummary {
  readonly processed: number
  readonly findings: readonly string[]
}

const TITLES: Readonly<Record<string, string>> = {
  files: 'unused file',
  dependencies: 'unused dependency',
  devDependencies: 'unused dev dependency',
  optionalPeerDependencies: 'referenced optional peer dependency',
  unlisted: 'undeclared dependency',
  binaries: 'undeclared binary',
  unresolved: 'unresolved import',
  exports: 'unused export',
  types: 'unused exported type',
  duplicates: 'duplicate export',
}

// knip's contract: a reporter is a default export.
// biome-ignore lint/style/noDefaultExport: see above
export default ({ issues, counters, cwd }: ReporterOptions): void => {
  const findings = Object.entries(issues).flatMap(([kind, byFile]) =>
    Object.values(byFile)
      .flatMap((bySymbol) => Object.values(bySymbol))
      .map(({ filePath, line, symbol, type }) => {
        const place = [relative(cwd, filePath), line].filter((part) => part !== undefined).join(':')
        return type === 'files' ? `${place}: unused file` : `${place}: ${TITLES[kind] ?? kind} ${symbol}`
      }),
  )
  const summary: KnipSummary = { processed: counters.processed, findings: findings.toSorted() }
  console.log(JSON.stringify(summary))
}
