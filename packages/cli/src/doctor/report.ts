import { printable } from '../format/printable.ts'
import { type ConnectionReport, type Finding, isWell } from './finding.ts'

const WIDEST_CHECK = 'configuration'.length

/** For people. */
export function reportLines(reports: readonly ConnectionReport[]): readonly string[] {
  return reports.flatMap((report) => [heading(report), ...report.findings.flatMap(findingLines)]).map(printable)
}

/** For machines: one document. */
export function reportJson(reports: readonly ConnectionReport[]): string {
  const connections = reports.map((report) => ({ ...report, isWell: isWell(report) }))
  return printable(JSON.stringify({ isWell: reports.every(isWell), connections }))
}

function heading(report: ConnectionReport): string {
  return `${isWell(report) ? 'well ' : 'WRONG'}  ${report.connection}: ${report.target}`
}

function findingLines({ check, status, message, advice, settings = [] }: Finding): readonly string[] {
  const mark = { ok: 'ok   ', wrong: 'WRONG', skipped: '-    ' }[status]
  return [
    `  ${mark}  ${check.padEnd(WIDEST_CHECK)}  ${message.replaceAll('\n', ' ')}`,
    ...(advice === undefined ? [] : [`         ${advice}`]),
    ...settings.map(
      ({ key, source }) => `         ${key}: ${source === 'default' ? 'not set, so its default' : `set by ${source}`}`,
    ),
  ]
}
