import { join } from 'node:path'
import type { Case, Contender, Environment, Prepared, Row, Work } from './area.ts'
import { ContenderProcess } from './contender-process.ts'
import type { Effort } from './effort.ts'
import type { Sample } from './measure.ts'
import { measureRun } from './measure-run.ts'
import { mean, median, round } from './statistics.ts'
import { warmUp } from './warm-up.ts'

/** @throws Error naming the contender that failed */
export async function runWork(work: Work, prepared: Prepared, effort: Effort): Promise<Case> {
  const rounds = effort.rounds(work)
  const processes = work.cold || effort.profiles !== undefined ? 1 : effort.processes(work)
  const samples = work.cold
    ? await coldRounds(work, prepared, rounds)
    : await warmRounds(work, prepared, effort, rounds, processes)
  const bytes = work.bytes ? await bytesOf(work, prepared, effort) : undefined
  const cost = work.cost ?? 'cpu'
  const costOf = (sample: Sample): number => (cost === 'cpu' ? sample.cpuMs : sample.elapsedMs) / sample.operations
  const baseline = typical(samplesOf(samples, work.baseline), costOf)

  const rows = work.contenders.map(({ name }): Row => {
    const own = samplesOf(samples, name)
    const elapsedMs = typical(own, (sample) => sample.elapsedMs / sample.operations)
    const bytesPerOp = bytes?.get(name)
    return {
      contender: name,
      nsPerOp: round(elapsedMs * 1e6),
      cpuUsPerOp: round(typical(own, (sample) => sample.cpuMs / sample.operations) * 1000),
      opsPerS: round(1000 / elapsedMs),
      ...(bytesPerOp === undefined ? {} : { bytesPerOp: round(bytesPerOp) }),
      ratioToBaseline: round(typical(own, costOf) / baseline),
    }
  })
  return { work: work.name, baseline: work.baseline, inFlight: work.inFlight ?? 1, processes, rounds, cost, rows }
}

/** Of each process. */
type Own = readonly (readonly Sample[])[]
/** By the names of contenders. */
type Samples = ReadonlyMap<string, Own>

function samplesOf(samples: Samples, contender: string): Own {
  const found = samples.get(contender)
  if (found === undefined) throw new Error(`no contender is named ${contender}; there are ${[...samples.keys()].join(', ')}`)
  return found
}

/** The mean over its processes of the median of each. */
function typical(own: Own, of: (sample: Sample) => number): number {
  return mean(own.map((samples) => median(samples.map(of))))
}

/** All processes are alive at once; each round asks one after the other, and each contender once before one of them twice. */
async function warmRounds(work: Work, prepared: Prepared, effort: Effort, rounds: number, count: number): Promise<Samples> {
  await using processes = new AsyncDisposableStack()
  const runs = []
  for (const child of await startAll(work, prepared.environment, count, processes)) {
    const measure = (operations: number): Promise<Sample> => measureRun(prepared, work, child, operations)
    const operations = await warmUp(prepared, work, child, effort)
    if (effort.profiles !== undefined) await child.ask({ ask: 'startProfile' })
    runs.push({ child, measure, operations, samples: [] as Sample[] })
  }
  for (let at = 0; at < rounds; at++) {
    for (const { measure, operations, samples } of runs) samples.push(await measure(operations))
  }
  for (const { child } of runs) {
    if (effort.profiles !== undefined) await child.ask({ ask: 'writeProfile', file: profileOf(effort.profiles, work, child) })
  }
  const byContender = Map.groupBy(runs, ({ child }) => child.contender.name)
  return new Map([...byContender].map(([name, own]) => [name, own.map(({ samples }) => samples)]))
}

function profileOf(folder: string, work: Work, { contender }: ContenderProcess): string {
  return join(folder, `${`${work.name} ${contender.name}`.replaceAll(/[^\w.=]+/g, '-')}.cpuprofile`)
}

/** All at once, because nothing is measured yet. */
async function startAll(
  work: Work,
  environment: Environment,
  count: number,
  processes: AsyncDisposableStack,
): Promise<readonly ContenderProcess[]> {
  const contenders = Array.from({ length: count }, () => work.contenders).flat()
  const starting = contenders.map((contender) => ContenderProcess.start(contender, work, environment, false))
  for (const start of await Promise.allSettled(starting)) if (start.status === 'fulfilled') processes.use(start.value)
  return Promise.all(starting)
}

async function coldRounds(work: Work, prepared: Prepared, rounds: number): Promise<Samples> {
  const samples = new Map<string, Sample[]>(work.contenders.map(({ name }) => [name, []]))
  const once = async (contender: Contender): Promise<Sample> => {
    await using child = await ContenderProcess.start(contender, work, prepared.environment, false)
    return await measureRun(prepared, work, child, 1)
  }
  for (let at = 0; at < rounds; at++) {
    for (const contender of work.contenders) samples.get(contender.name)?.push(await once(contender))
  }
  return new Map([...samples].map(([name, own]) => [name, [own]]))
}

async function bytesOf(work: Work, prepared: Prepared, effort: Effort): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>()
  for (const contender of work.contenders) {
    await using child = await ContenderProcess.start(contender, work, prepared.environment, true)
    await warmUp(prepared, work, child, effort)
    const rounds: number[] = []
    for (let at = 0; at < Math.min(effort.rounds(work), 5); at++) rounds.push(await child.ask({ ask: 'bytes' }))
    bytes.set(contender.name, median(rounds))
  }
  return bytes
}
