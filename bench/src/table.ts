import type { Case, Row } from './area.ts'

const COLUMNS: readonly (readonly [title: string, cell: (row: Row) => string])[] = [
  ['contender', (row) => row.contender],
  ['CPU', (row) => duration(row.cpuUsPerOp * 1000)],
  ['elapsed', (row) => duration(row.nsPerOp)],
  ['per second', (row) => thousands(row.opsPerS)],
  ['bytes', (row) => (row.bytesPerOp === undefined ? '' : thousands(row.bytesPerOp))],
  ['ratio', (row) => row.ratioToBaseline.toPrecision(3)],
]

/** One case as aligned text; the first column to the left, figures to the right. */
export function table(measured: Case): string {
  const lines = [COLUMNS.map(([title]) => title), ...measured.rows.map((row) => COLUMNS.map(([, cell]) => cell(row)))]
  const widths = COLUMNS.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)))
  const align = (cell: string, at: number): string => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))
  const { work, inFlight, processes, rounds, cost, baseline } = measured
  const each = processes > 1 ? `${processes} processes each, ` : ''
  const heading = `${work} (${inFlight} in flight, ${each}${rounds} rounds, ratio of ${cost} to ${baseline})`
  return [heading, ...lines.map((cells) => `  ${cells.map(align).join('  ').trimEnd()}`)].join('\n')
}

function duration(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`
  if (ns < 1e6) return `${(ns / 1e3).toPrecision(3)} µs`
  return `${(ns / 1e6).toPrecision(3)} ms`
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en')
}
