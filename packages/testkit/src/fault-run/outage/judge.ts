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
  /** Of the process that offers, resident, since before the outage. */
  readonly growthMiB: number
  /** Of what it has in use, after the buffer was full. */
  readonly creepMiB: number
  readonly maxRssMiB: number
}

const RED_WITHIN_MS = 5000
const GREEN_WITHIN_MS = 5000
/** Resident beside the bodies and headers that wait: about 2 kB for each caller's promise and record, and what the heap keeps for itself. */
const SLACK_MIB = 64
/** A buffer that is full takes nothing more, and what it refuses leaves nothing behind. */
const MOST_CREEP_MIB = 8

export function judge(report: OutageReport): RunOutcome<OutageReport> {
  const { offered, confirmed, refused, refusedLate, failed, lost, redAfterMs, greenAfterMs, bufferMiB, growthMiB, creepMiB } =
    report
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
    ...(creepMiB > MOST_CREEP_MIB ? [`memory grew by ${creepMiB} MiB after the buffer was full`] : []),
  ]
  return { report, failures }
}

function isWithin(ms: number | null, limit: number): boolean {
  return ms !== null && ms <= limit
}

function after(ms: number | null): string {
  return ms === null ? 'never' : `after ${ms} ms`
}
