import { readFileSync, writeFileSync } from 'node:fs'
import { BROKER_CONTRACT } from '../broker-contract/suite.ts'
import type { ThemeOf } from './define.ts'
import type { ContractReport } from './report.ts'
import { parseSupportTable, supportTable } from './report.ts'

const BEGIN = '<!-- support table: made from a run of the contract suite -->'
const END = '<!-- end of the support table -->'

export interface SupportInReadmeOptions {
  /** The contract that the table is of. @default BROKER_CONTRACT */
  readonly contract?: readonly ThemeOf<unknown>[]
  /** Write what the run showed, instead of comparing. @default whether COMM_SUPPORT_TABLES is `write` in the environment */
  readonly write?: boolean
}

/**
 * A `report` for `brokerContract` or `registryContract`: the subject's column of the support table in a README states what the run showed, or the run has
 * failed. The table stands between two comments, which the error names where they are missing. A run of a part of the suite, and one
 * with failures, says nothing about the table.
 */
export function supportInReadme(
  readme: string | URL,
  { contract = BROKER_CONTRACT, write = process.env['COMM_SUPPORT_TABLES'] === 'write' }: SupportInReadmeOptions = {},
): (report: ContractReport) => void {
  return (report) => {
    const cases = contract.reduce((sum, theme) => sum + theme.cases.length, 0)
    if (report.cases.length < cases || report.cases.some(({ outcome }) => outcome === 'failed')) return
    const text = readFileSync(readme, 'utf8')
    const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
    if (from < 0 || to < from) throw new Error(`${readme} has no support table: put ${BEGIN} and ${END} where it belongs`)
    const stated = text.slice(from + BEGIN.length, to).trim()
    const shown = withColumn(stated, report).trim()
    if (shown === stated) return
    if (!write) throw new Error(`${readme} does not state what ${report.subject} showed:\n${difference(stated, shown)}`)
    writeFileSync(readme, `${text.slice(0, from + BEGIN.length)}\n\n${shown}\n\n${text.slice(to)}`)
  }
}

/** The table with this subject's column as the run has it; a new one comes last. */
function withColumn(table: string, report: ContractReport): string {
  const stated = parseSupportTable(table)
  // In the table a case is known by its title.
  const shown = { ...report, cases: report.cases.map((each) => ({ ...each, id: each.title })) }
  const isNew = !stated.some(({ subject }) => subject === report.subject)
  return supportTable([...stated.map((each) => (each.subject === report.subject ? shown : each)), ...(isNew ? [shown] : [])])
}

function difference(stated: string, shown: string): string {
  const [before, after] = [stated.split('\n'), shown.split('\n')]
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`)
  const come = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)
  return [...gone, ...come].join('\n')
}
