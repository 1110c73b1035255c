import { setImmediate } from 'node:timers/promises'
import type { Stopwatch } from '@comm/bench/area'
import { ORDER, type Order } from './order.ts'

/** Begins to consume: each order is to be handed to `handle`, then acknowledged. Resolves with how to leave once messages flow. */
type Subscribe = (handle: (order: Order) => void) => Promise<() => Promise<unknown>>

const LIMIT_MS = 30_000

/** The `run` of a consumer: from the moment that messages flow until all of them were handled. */
export function runConsumer(subscribe: Subscribe): (operations: number, stopwatch: Stopwatch) => Promise<void> {
  return async (operations, stopwatch) => {
    const all = Promise.withResolvers<void>()
    let handled = 0
    const limit = setTimeout(() => all.reject(new Error(`only ${handled} of ${operations} messages came`)), LIMIT_MS)
    const leave = await subscribe((order) => {
      if (order.id !== ORDER.id) all.reject(new Error(`a message came that is no order: ${JSON.stringify(order)}`))
      if (++handled === operations) all.resolve()
    })
    const early = handled
    stopwatch.start()
    try {
      await all.promise
      // What acknowledges the last ones belongs to the work.
      await setImmediate()
      stopwatch.stop(operations - early)
    } finally {
      clearTimeout(limit)
      await leave()
    }
  }
}
