import { sleep } from '@comm/core'
import { Ledger, type LedgerTotals } from './ledger.ts'
import { MemoryStage } from './memory-stage.ts'
import { type FaultRunOptions, KEYS, type ResolvedFaultRun, resolveFaultRun } from './options.ts'
import { ProcessStage } from './process-stage.ts'
import { drawSchedule, type PlannedFault } from './schedule.ts'
import type { Stage } from './stage.ts'

/** What a run prints. */
export interface FaultReport extends LedgerTotals {
  readonly broker: FaultRunOptions['broker']
  readonly seed: number
  readonly ordering: Stage['ordering']
  readonly maxRssMiB: number
  /** In the order in which they came, with the number of messages handled before. */
  readonly faults: readonly PlannedFault[]
}

export interface FaultRun {
  readonly report: FaultReport
  /** Why the run is to be called failed; empty: nothing was lost, order and memory were kept. */
  readonly failures: readonly string[]
}

const LOOK_EVERY_MS = 50
/** Nothing moves for so long, though no fault is on: it never will. */
const STALLED_MS = 60_000
/** For duplicates that come late. */
const AFTERMATH_MS = 500
const MOST_GROWTH_MIB = 64

/**
 * Publishes, breaks, handles, and counts what became of every message.
 * @param say hears what happens, a line at a time
 * @throws ConfigurationError; ServiceUnavailableError if a server cannot be started; what a producer or consumer failed with
 */
export async function runFaults(options: FaultRunOptions, say: (line: string) => void = () => undefined): Promise<FaultRun> {
  const run = resolveFaultRun(options)
  const ledger = new Ledger(run.messages, KEYS)
  await using stage = await open(run, ledger)
  await stage.start()
  const faults = await follow(stage, ledger, run, say)
  await sleep(AFTERMATH_MS)
  await stage.stop()
  stage.readInto(ledger)
  const totals = ledger.totals()
  const { broker, seed } = run
  const { ordering, maxRssMiB, memoryGrowthMiB } = stage
  const report = { broker, seed, ...totals, ordering, maxRssMiB, faults }
  return { report, failures: failuresOf(report, run.ordered, memoryGrowthMiB) }
}

async function open(run: ResolvedFaultRun, ledger: Ledger): Promise<Stage> {
  const { broker } = run
  return broker === 'memory' ? new MemoryStage(run) : ProcessStage.open({ ...run, broker }, ledger)
}

/** Lets the faults come as the messages go, until every message has been handled or none is any more. */
async function follow(
  stage: Stage,
  ledger: Ledger,
  run: ResolvedFaultRun,
  say: (line: string) => void,
): Promise<readonly PlannedFault[]> {
  const planned = [...drawSchedule(run)]
  const faults: PlannedFault[] = []
  let failed: { readonly reason: unknown } | undefined
  stage.published.catch((reason: unknown) => {
    failed = { reason }
  })
  let injecting: Promise<void> | undefined
  let movedAt = performance.now()
  let lastSeen = -1
  while (ledger.delivered < run.messages || injecting !== undefined) {
    stage.readInto(ledger)
    if (failed !== undefined) throw failed.reason
    const { confirmed, delivered } = ledger
    if (confirmed + delivered !== lastSeen || injecting !== undefined) movedAt = performance.now()
    lastSeen = confirmed + delivered
    if (performance.now() - movedAt > STALLED_MS) {
      say(`nothing moved for ${STALLED_MS / 1000} s: ${confirmed} confirmed, ${delivered} delivered of ${run.messages}`)
      break
    }
    const next = planned[0]
    if (next !== undefined && injecting === undefined && delivered >= next.after) {
      planned.shift()
      faults.push({ ...next, after: delivered })
      say(`${next.kind} after ${delivered} of ${run.messages}`)
      const since = performance.now()
      injecting = stage.inject(next.kind, next.forMs).then(
        () => say(`${next.kind} over after ${Math.round(performance.now() - since)} ms`),
        (reason: unknown) => {
          failed = { reason }
        },
      )
      void injecting.then(() => {
        injecting = undefined
      })
    }
    await sleep(LOOK_EVERY_MS)
  }
  return faults
}

function failuresOf(report: FaultReport, ordered: boolean, memoryGrowthMiB: number): readonly string[] {
  const { messages, ordering } = { messages: report.confirmed, ordering: report.ordering }
  const isOrderPromised = ordering === 'partition' || (ordering === 'consumer' && ordered)
  return [
    ...(report.lost > 0 ? [`${report.lost} of ${messages} confirmed messages were lost`] : []),
    ...(isOrderPromised && report.outOfOrder > 0 ? [`${report.outOfOrder} messages overtook one of their key`] : []),
    ...(memoryGrowthMiB > MOST_GROWTH_MIB ? [`a process grew by ${memoryGrowthMiB} MiB, more than ${MOST_GROWTH_MIB}`] : []),
  ]
}
