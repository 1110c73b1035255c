import { performance } from 'node:perf_hooks'
import { GCProfiler, getHeapStatistics } from 'node:v8'
import type { Ready, Stopwatch } from './area.ts'

export interface Sample {
  readonly operations: number
  readonly elapsedMs: number
  readonly cpuMs: number
}

type Operation = () => Promise<unknown>

/** Runs `operations` operations, never more than `inFlight` at once. */
async function runOperations(op: Operation, operations: number, inFlight: number): Promise<void> {
  if (inFlight === 1) {
    for (let done = 0; done < operations; done++) await op()
    return
  }
  let started = 0
  const lane = async (): Promise<void> => {
    while (started < operations) {
      started++
      await op()
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

export async function measureTime(ready: Ready, operations: number, inFlight: number): Promise<Sample> {
  const stopwatch = new CpuStopwatch(operations, ready.otherCpuMs?.bind(ready))
  if ('run' in ready) await ready.run(operations, stopwatch)
  else {
    stopwatch.start()
    await runOperations(ready.op, operations, inFlight)
    stopwatch.stop()
  }
  return stopwatch.sample
}

/** Elapsed time and the process's processor time between start and stop. */
class CpuStopwatch implements Stopwatch {
  readonly #operations: number
  #startedAt = Number.NaN
  readonly #otherCpuMs: () => number
  #cpuBefore: NodeJS.CpuUsage | undefined
  #otherBefore = 0
  #sample: Sample | undefined

  constructor(operations: number, otherCpuMs: () => number = () => 0) {
    this.#operations = operations
    this.#otherCpuMs = otherCpuMs
  }

  /** @throws Error when it was not started and stopped */
  get sample(): Sample {
    if (this.#sample === undefined) throw new Error('the run did not start and stop its stopwatch')
    return this.#sample
  }

  start(): void {
    this.#otherBefore = this.#otherCpuMs()
    this.#cpuBefore = process.cpuUsage()
    this.#startedAt = performance.now()
  }

  stop(operations: number = this.#operations): void {
    if (this.#cpuBefore === undefined) return
    const elapsedMs = performance.now() - this.#startedAt
    const { user, system } = process.cpuUsage(this.#cpuBefore)
    this.#sample = {
      operations: Math.max(1, operations),
      elapsedMs,
      cpuMs: (user + system) / 1000 + this.#otherCpuMs() - this.#otherBefore,
    }
  }
}

/**
 * The growth of the heap over a batch in which no garbage collection ran, divided by its operations. The process needs
 * `--expose-gc` and a young generation larger than the batch; a batch that met a collection is halved and run again.
 */
export async function measureBytes(ready: Ready, inFlight: number): Promise<number> {
  if ('run' in ready) throw new Error('bytes are measured of contenders that have an op, and this one has a run')
  const collect = globalThis.gc
  if (collect === undefined) throw new Error('measuring bytes needs a process started with --expose-gc')
  for (let operations = Math.max(5000, inFlight * 20); operations >= inFlight; operations = Math.floor(operations / 2)) {
    collect()
    const profiler = new GCProfiler()
    profiler.start()
    const before = getHeapStatistics().used_heap_size
    await runOperations(ready.op, operations, inFlight)
    const after = getHeapStatistics().used_heap_size
    if (profiler.stop().statistics.length === 0) return (after - before) / operations
  }
  throw new Error('bytes per operation cannot be measured: garbage was collected in every batch, however small')
}
