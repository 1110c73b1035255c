import { performance } from 'node:perf_hooks'
import { GCProfiler, getHeapStatistics } from 'node:v8'

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

export async function measureTime(op: Operation, operations: number, inFlight: number): Promise<Sample> {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await runOperations(op, operations, inFlight)
  const elapsedMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  return { operations, elapsedMs, cpuMs: (cpu.user + cpu.system) / 1000 }
}

/**
 * Runs ever larger batches for `warmUpMs`, so that what is measured later is compiled code.
 * @returns how many operations take about `roundMs`
 */
export async function warmUp(op: Operation, inFlight: number, warmUpMs: number, roundMs: number): Promise<number> {
  const until = performance.now() + warmUpMs
  let batch = inFlight
  for (;;) {
    const { elapsedMs } = await measureTime(op, batch, inFlight)
    if (performance.now() >= until) return Math.max(inFlight, Math.round((batch * roundMs) / Math.max(elapsedMs, 0.001)))
    if (elapsedMs < warmUpMs / 4) batch *= 2
  }
}

/**
 * The growth of the heap over a batch in which no garbage collection ran, divided by its operations. The process needs
 * `--expose-gc` and a young generation larger than the batch; a batch that met a collection is halved and run again.
 */
export async function measureBytes(op: Operation, inFlight: number): Promise<number> {
  const collect = globalThis.gc
  if (collect === undefined) throw new Error('measuring bytes needs a process started with --expose-gc')
  for (let operations = Math.max(5000, inFlight * 20); operations >= inFlight; operations = Math.floor(operations / 2)) {
    collect()
    const profiler = new GCProfiler()
    profiler.start()
    const before = getHeapStatistics().used_heap_size
    await runOperations(op, operations, inFlight)
    const after = getHeapStatistics().used_heap_size
    if (profiler.stop().statistics.length === 0) return (after - before) / operations
  }
  throw new Error('bytes per operation cannot be measured: garbage was collected in every batch, however small')
}
