import type { Case, Contender, Environment, Row, Work } from './area.ts'
import { ContenderProcess } from './contender-process.ts'
import type { Sample } from './measure.ts'
import { median, round } from './statistics.ts'

export interface Effort {
  readonly rounds: (work: Work) => number
  readonly warmUpMs: number
  readonly roundMs: number
}

export const FULL: Effort = { rounds: (work) => work.rounds ?? (work.cold ? 21 : 7), warmUpMs: 1000, roundMs: 300 }
/** Shows that a bench still runs; its figures mean nothing. */
export const SHORT: Effort = { rounds: () => 1, warmUpMs: 10, roundMs: 10 }

/** @throws Error naming the contender that failed */
export async function runWork(work: Work, environment: Environment, effort: Effort): Promise<Case> {
  const rounds = effort.rounds(work)
  const samples = work.cold ? await coldRounds(work, environment, rounds) : await warmRounds(work, environment, effort, rounds)
  const bytes = work.bytes ? await bytesOf(work, environment, effort) : undefined
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
async function warmRounds(work: Work, environment: Environment, effort: Effort, rounds: number): Promise<Samples> {
  await using processes = new AsyncDisposableStack()
  const runs = []
  for (const contender of work.contenders) {
    const child = processes.use(await ContenderProcess.start(contender, work, environment, false))
    const operations = await child.ask({ ask: 'warmUp', warmUpMs: effort.warmUpMs, roundMs: effort.roundMs })
    runs.push({ child, operations, samples: [] as Sample[] })
  }
  for (let at = 0; at < rounds; at++) {
    for (const { child, operations, samples } of runs) samples.push(await child.ask({ ask: 'time', operations }))
  }
  return new Map(runs.map(({ child, samples }) => [child.contender.name, samples]))
}

async function coldRounds(work: Work, environment: Environment, rounds: number): Promise<Samples> {
  const samples = new Map<string, Sample[]>(work.contenders.map(({ name }) => [name, []]))
  const once = async (contender: Contender): Promise<Sample> => {
    await using child = await ContenderProcess.start(contender, work, environment, false)
    return await child.ask({ ask: 'time', operations: 1 })
  }
  for (let at = 0; at < rounds; at++) {
    for (const contender of work.contenders) samples.get(contender.name)?.push(await once(contender))
  }
  return samples
}

async function bytesOf(work: Work, environment: Environment, effort: Effort): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>()
  for (const contender of work.contenders) {
    await using child = await ContenderProcess.start(contender, work, environment, true)
    await child.ask({ ask: 'warmUp', warmUpMs: effort.warmUpMs, roundMs: effort.roundMs })
    const rounds: number[] = []
    for (let at = 0; at < Math.min(effort.rounds(work), 5); at++) rounds.push(await child.ask({ ask: 'bytes' }))
    bytes.set(contender.name, median(rounds))
  }
  return bytes
}
