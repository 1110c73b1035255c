import type { Prepared, Work } from './area.ts'
import type { ContenderProcess } from './contender-process.ts'
import type { Sample } from './measure.ts'

/** One run of a contender, prepared and checked. @throws Error naming the contender that failed */
export async function measureRun(
  prepared: Prepared,
  work: Work,
  child: ContenderProcess,
  operations: number,
  inFlight: number = work.inFlight ?? 1,
): Promise<Sample> {
  const run = { work, contender: child.contender, operations }
  await prepared.beforeRun?.(run)
  const sample = await child.ask({ ask: 'time', operations, inFlight })
  await prepared.afterRun?.(run)
  return sample
}
