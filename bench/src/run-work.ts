import { join } from 'node:path'
import type { Case, Contender, Environment, Prepared, Row, Work } from './area.ts'
import { ContenderProcess } from './contender-process.ts'
import type { Effort } from './effort.ts'
import type { Sample } from './measure.ts'
import { measureRun } from './measure-run.ts'
import { median, round } from './statistics.ts'
import { warmUp } from './warm-up.ts'

/** @throws Error naming the contender that failed */
export async function runWork(work: Work, prepared: Prepared, effort: Effort): Promise<Case> {
  const rounds = effort.rounds(work)
  const samples = work.cold ? await coldRounds(work, prepared, rounds) : await warmRounds(work, prepared, effort, rounds)
  const bytes = work.bytes ? await bytesOf(work, prepared, effort) : undefined
  const cost = work.cost ?? 'cpu'
  const costOf = (sample: Sample): number => (cost === 'cpu' ? sample.cpuMs : sample.elapsedMs) / sample.operations
  const baseline = median(samplesOf(samples, work.baseline).map(costOf))

  const rows = work.contenders.map(({ name }): Row => {
    const own = samplesOf(samples, name)
    const elapsedMs = median(own.map((sample) => sample.elapsedMs / sample.operations))
    const bytesPerOp = bytes?.get(name)
    return {
      contender: name,
      nsPerOp: round(elapsedMs * 1e6),
      cpuUsPerOp: round(median(own.map((sample) => sample.cpuMs / sample.operations)) * 1000),
      opsPerS: round(1000 / elapsedMs),
      ...(bytesPerOp === undefined ? {} : { bytesPerOp: round(bytesPerOp) }),
      ratioToBaseline: round(median(own.map(costOf)) / baseline),
    }
  })
  return { work: work.name, baseline: work.baseline, inFlight: work.inFlight ?? 1, rounds, cost, rows }
}

type Samples = ReadonlyMap<string, readonly Sample[]>

function samplesOf(samples: Samples, contender: string): readonly Sample[] {
  const found = samples.get(contender)
  if (found === undefined) throw new Error(`no contender is named ${contender}; there are ${[...samples.keys()].join(', ')}`)
  return found
}

/** One process per contender, all alive at once; each round asks one after the other. */
async function warmRounds(work: Work, prepared: Prepared, effort: Effort, rounds: number): Promise<Samples> {
  await using processes = new AsyncDisposableStack()
  const runs = []
  for (const child of await startAll(work, prepared.environment, processes)) {
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
  return new Map(runs.map(({ child, samples }) => [child.contender.name, samples]))
}

function profileOf(folder: string, work: Work, { contender }: ContenderProcess): string {
  return join(folder, `${`${work.name} ${contender.name}`.replaceAll(/[^\w.=]+/g, '-')}.cpuprofile`)
}

/** All at once, because nothing is measured yet. */
async function startAll(
  work: Work,
  environment: Environment,
  processes: AsyncDisposableStack,
): Promise<readonly ContenderProcess[]> {
  const starting = work.contenders.map((contender) => ContenderProcess.start(contender, work, environment, false))
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
  return samples
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
