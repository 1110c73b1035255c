import type { Stopwatch } from '@comm/bench/area'

const BATCH = 100

/** The `run` of a publisher that sends so many orders a call, one call at a time; an operation is an order. */
export function runBatches(
  send: (count: number) => Promise<unknown>,
): (operations: number, stopwatch: Stopwatch) => Promise<void> {
  return async (operations, stopwatch) => {
    stopwatch.start()
    for (let left = operations; left > 0; left -= BATCH) await send(Math.min(left, BATCH))
    stopwatch.stop()
  }
}
