import type { Prepared, Work } from './area.ts'
import type { ContenderProcess } from './contender-process.ts'
import type { Effort } from './effort.ts'
import type { Sample } from './measure.ts'
import { measureRun } from './measure-run.ts'

/** A contender that spends most of its time waiting is warmed up for this many times as long. */
const MOST_WAITING = 5

/**
 * Runs ever larger batches, so that what is measured later is compiled code, however long a contender waits for others.
 * @returns how many operations take about a round
 */
export async function warmUp(prepared: Prepared, work: Work, child: ContenderProcess, effort: Effort): Promise<number> {
  const { inFlight = 1, warmUpInFlight = inFlight } = work
  const roundMs = effort.roundMs(work)
  const warmUpMs = effort.warmUpMs(work)
  let busyMs = 0
  let spentMs = 0
  const isWarm = ({ elapsedMs, cpuMs }: Sample): boolean => {
    busyMs += cpuMs
    spentMs += elapsedMs
    return busyMs >= warmUpMs || spentMs >= warmUpMs * MOST_WAITING
  }
  const measure = (operations: number, underWay: number): Promise<Sample> =>
    measureRun(prepared, work, child, operations, underWay)

  const warmed = await growing((batch) => measure(batch, warmUpInFlight), warmUpInFlight, roundMs, isWarm)
  const isLong = ({ elapsedMs }: Sample): boolean => elapsedMs >= Math.min(roundMs, warmUpMs) / 4
  const last =
    warmUpInFlight === inFlight ? warmed : await growing((batch) => measure(batch, inFlight), inFlight, roundMs, isLong)
  return Math.max(inFlight, Math.round((last.operations * roundMs) / Math.max(last.elapsedMs, 0.001)))
}

/** Runs batches that double until they take a round, until a sample is enough. @returns that sample */
async function growing(
  measure: (operations: number) => Promise<Sample>,
  first: number,
  roundMs: number,
  isEnough: (sample: Sample) => boolean,
): Promise<Sample> {
  let batch = first
  for (;;) {
    const sample = await measure(batch)
    if (isEnough(sample)) return sample
    if (sample.elapsedMs < roundMs) batch *= 2
  }
}
