import type { RunOutcome } from '../outcome.ts'
import type { ResolvedOutageRun } from './options.ts'
import type { OfferTotals } from './protocol.ts'

export interface OutageReport extends Pick<ResolvedOutageRun, 'broker' | 'how' | 'seconds'>, Omit<OfferTotals, 'confirmed'> {
  readonly confirmed: number
  readonly arrived: number
  /** Confirmed, and never arrived. */
  readonly lost: number
  /** From the outage to health `down`; null: never. */
  readonly redAfterMs: number | null
  /** From a raw client's first success to health `up`; 0: before it; null: never. */
  readonly greenAfterMs: number | null
  /** The most that waited in the publish buffer: bodies and headers. */
  readonly bufferMiB: number
  /** Of the process that offers, since before the outage. */
  readonly growthMiB: number
  readonly maxRssMiB: number
}

const RED_WITHIN_MS = 5000
const GREEN_WITHIN_MS = 5000
/** Of memory beside the bodies and headers that wait: the promises of their callers, the heap's slack, what a reconnect needs. */
const SLACK_MIB = 32

export function judge(report: OutageReport): RunOutcome<OutageReport> {
  const { offered, confirmed, refused, refusedLate, failed, lost, redAfterMs, greenAfterMs, bufferMiB, growthMiB } = report
  const unsettled = offered - confirmed - refused - Object.values(failed).reduce((sum, count) => sum + count, 0)
  const failures = [
    ...(unsettled > 0 ? [`${unsettled} publishes never settled`] : []),
    ...(refused === 0 ? ['the buffer never was full: nothing was refused'] : []),
    ...(refusedLate > 0 ? [`${refusedLate} of ${refused} refusals came late`] : []),
    ...Object.entries(failed).map(([code, count]) => `${count} publishes failed with ${code}`),
    ...(lost > 0 ? [`${lost} accepted messages never arrived`] : []),
    ...(isWithin(redAfterMs, RED_WITHIN_MS) ? [] : [`health was red ${after(redAfterMs)}, not within ${RED_WITHIN_MS} ms`]),
    ...(isWithin(greenAfterMs, GREEN_WITHIN_MS)
      ? []
      : [`health was green ${after(greenAfterMs)}, not within ${GREEN_WITHIN_MS} ms`]),
    ...(growthMiB > bufferMiB + SLACK_MIB
      ? [`memory grew by ${growthMiB} MiB: more than ${bufferMiB} and ${SLACK_MIB} of slack`]
      : []),
  ]
  return { report, failures }
}

function isWithin(ms: number | null, limit: number): boolean {
  return ms !== null && ms <= limit
}

function after(ms: number | null): string {
  return ms === null ? 'never' : `after ${ms} ms`
}
