/** What became of one case. */
export interface CaseReport {
  readonly id: string
  readonly theme: string
  readonly title: string
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or how it failed. */
  readonly reason?: string
  readonly durationMs: number
}

/** One run of the suite, as data. */
export interface ContractReport {
  /** The broker or registry that it was about: `RabbitMQ 4.0`. */
  readonly subject: string
  readonly cases: readonly CaseReport[]
}

const MARKS = { passed: 'yes', failed: '**no**', skipped: '–' } as const

/** A Markdown table: a row per case, a column per subject, and below it why cases were skipped. */
export function supportTable(reports: readonly ContractReport[]): string {
  const subjects = reports.map(({ subject }) => subject)
  const rows = new Map<string, CaseReport>()
  for (const { cases } of reports) for (const each of cases) if (!rows.has(each.id)) rows.set(each.id, each)
  const notes: string[] = []
  const lines = [...rows.values()].map(({ id, title }) => {
    const cells = reports.map(({ cases }) => {
      const found = cases.find((each) => each.id === id)
      if (found?.outcome !== 'skipped') return found === undefined ? '' : MARKS[found.outcome]
      const note = found.reason ?? ''
      if (!notes.includes(note)) notes.push(note)
      return `${MARKS.skipped} [${notes.indexOf(note) + 1}]`
    })
    return `| ${[title, ...cells].join(' | ')} |`
  })
  const head = [`| case | ${subjects.join(' | ')} |`, `|---|${subjects.map(() => '---|').join('')}`]
  const explained = notes.map((note, index) => `[${index + 1}] ${note}`)
  return [...head, ...lines, ...(explained.length === 0 ? [] : ['', explained.join('  \n')]), ''].join('\n')
}

/** The reports that a table was made from, as far as it tells: a case without its theme, its title for its id. */
export function parseSupportTable(table: string): readonly ContractReport[] {
  const lines = table.split('\n').map((line) => line.trim())
  const notes = new Map(lines.flatMap((line) => [...line.matchAll(/^\[(\d+)\] (.*)$/g)].map(([, at, note]) => [at, note])))
  const [head, , ...rows] = lines.filter((line) => line.startsWith('|')).map(cellsOf)
  return (head ?? []).slice(1).map((subject, column) => ({
    subject,
    cases: rows.flatMap(([title = '', ...cells]) => caseOf(title, cells[column] ?? '', notes)),
  }))
}

function caseOf(title: string, cell: string, notes: ReadonlyMap<string | undefined, string | undefined>): CaseReport[] {
  const common = { id: title, theme: '', title, durationMs: 0 }
  if (cell === MARKS.passed) return [{ ...common, outcome: 'passed' }]
  if (cell === MARKS.failed) return [{ ...common, outcome: 'failed' }]
  const note = /^– \[(\d+)\]$/.exec(cell)?.[1]
  return note === undefined ? [] : [{ ...common, outcome: 'skipped', reason: notes.get(note) ?? '' }]
}

function cellsOf(row: string): readonly string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
