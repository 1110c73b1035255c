// Prints by how many bytes the heap has grown over many calls: answered, failed, retried, timed out, aborted, left behind.
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import {
  breaker,
  bulkhead,
  concurrencyLimit,
  constantBackoff,
  hedge,
  keyed,
  pipeline,
  policies,
  rateLimit,
  retry,
  timeout,
  withContext,
} from '@comm/core'

const CALLS = 3000

const guarded = pipeline([
  rateLimit({ perSecond: 1e9 }),
  bulkhead({ limit: 50, maxQueue: 50 }),
  retry({ maxRetries: 1, backoff: constantBackoff({ baseMs: 0 }) }),
  breaker({ window: { ms: 1000 }, failureRatio: 1 }),
])
const hedged = pipeline([
  concurrencyLimit({ maxQueue: 5, maxQueueMs: 50, overloadQueueMs: 5 }),
  hedge({ afterMs: 0 }),
  keyed(() => breaker(), { key: ({ argument }) => Number(argument) % 100, maxKeys: 10 }),
])
const named = policies({ orders: { breaker: true } })
/** Of a server that runs for months. */
const longLived = { caller: new AbortController().signal, context: new AbortController().signal }

async function aborted(callee: (signal: AbortSignal) => Promise<unknown>, stages = guarded): Promise<unknown> {
  const stopping = new AbortController()
  queueMicrotask(() => stopping.abort())
  return stages.run((_, { signal }) => callee(signal), undefined, stopping.signal)
}

let nextLength = 60_000

const CALLS_OF_ALL_KINDS: readonly ((index: number) => Promise<unknown>)[] = [
  (index) => guarded.run(async () => index, undefined, longLived.caller),
  () => guarded.run(() => Promise.reject(new Error('no')), undefined, longLived.caller),
  // Each with a length of its own.
  () => pipeline([timeout({ ms: nextLength++ })]).run((_, { signal }) => signal.aborted, undefined, longLived.caller),
  () => pipeline([timeout({ ms: 0 })]).run(() => new Promise(() => {}), undefined, longLived.caller),
  () => aborted((signal) => once(signal, 'abort')),
  (index) => hedged.run(() => turn(), index, longLived.caller),
  (index) => hedged.run(() => Promise.reject(new Error('no')), index, longLived.caller),
  () => aborted((signal) => once(signal, 'abort'), hedged),
  async (index) => named.reload({ orders: { breaker: { openMs: index } } }),
  () => aborted(() => new Promise(() => {}), pipeline([retry(), timeout({ ms: 1000 })])),
]

async function heapAfter(calls: number): Promise<number> {
  await withContext({ signal: longLived.context }, async () => {
    for (let index = 0; index < calls; index += CALLS_OF_ALL_KINDS.length)
      await Promise.allSettled(CALLS_OF_ALL_KINDS.map((call) => call(index)))
  })
  for (let time = 0; time < 3; time++) {
    await turn()
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

await heapAfter(CALLS)
const before = await heapAfter(CALLS)
process.stdout.write(`${(await heapAfter(CALLS)) - before}\n`)
