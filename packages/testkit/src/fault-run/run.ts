import { sleep } from '@comm/core'
import { Course } from './course.ts'
import { Ledger, type LedgerTotals } from './ledger.ts'
import { MemoryStage } from './memory-stage.ts'
import { type FaultRunOptions, KEYS, type ResolvedFaultRun, resolveFaultRun } from './options.ts'
import type { RunOutcome, Say } from './outcome.ts'
import { ProcessStage } from './process-stage.ts'
import { STALLED_MS } from './progress.ts'
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

/** For duplicates that come late. */
const AFTERMATH_MS = 500
const MOST_GROWTH_MIB = 64

/**
 * Publishes, breaks, handles, and counts what became of every message.
 * @throws ConfigurationError; ServiceUnavailableError if a server cannot be started; what a producer or consumer failed with
 */
export async function runFaults(options: FaultRunOptions, say: Say = () => undefined): Promise<RunOutcome<FaultReport>> {
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
async function follow(stage: Stage, ledger: Ledger, run: ResolvedFaultRun, say: Say): Promise<readonly PlannedFault[]> {
  const { messages } = run
  const course = new Course(stage, ledger)
  const faults: PlannedFault[] = []
  let isMoving = true
  for (const { fault, end } of drawSchedule(run)) {
    stage.open(end)
    isMoving = await course.until(() => ledger.confirmed >= fault.after)
    if (!isMoving) break
    faults.push({ ...fault, after: ledger.delivered })
    say(`${fault.kind} after ${ledger.delivered} of ${messages}`)
    const since = performance.now()
    await course.inject(fault)
    say(`${fault.kind} over after ${Math.round(performance.now() - since)} ms`)
  }
  stage.open(messages)
  isMoving &&= await course.until(() => ledger.delivered >= messages)
  const { confirmed, delivered } = ledger
  if (!isMoving) say(`nothing moved for ${STALLED_MS / 1000} s: ${confirmed} confirmed, ${delivered} delivered of ${messages}`)
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
