// Asks a real HTTP server three times as often as it can answer, at random times, and prints as JSON what became of the calls. What it
// can answer is measured first, with as many calls under way as it serves at once; the first seconds of the overload do not count.
//
//   node --conditions=@comm/source packages/core/test/integration/scripts/overload.ts [--limit] [--seconds 5] [--warm-up-seconds 3]
//     [--workers 10] [--service-ms 50]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CommunicationError, concurrencyLimit, pipeline, timeout } from '@comm/core'
import { seededRandom } from '@comm/testkit'

const { values } = parseArgs({
  options: {
    limit: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    'warm-up-seconds': { type: 'string', default: '3' },
    workers: { type: 'string', default: '10' },
    'service-ms': { type: 'string', default: '50' },
  },
})
const [seconds, warmUpSeconds, workers, serviceMs] = [
  values.seconds,
  values['warm-up-seconds'],
  values.workers,
  values['service-ms'],
].map(Number) as [number, number, number, number]

const server = fork(join(import.meta.dirname, 'overloaded-server.ts'), [String(workers), String(serviceMs)])
const [port] = (await once(server, 'message')) as [number]
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })

function get(_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', agent, signal }, (response) => {
      response.resume().once('end', resolve).once('error', reject)
    })
    asked.once('error', reject).end()
  })
}

const limit = concurrencyLimit()
const guarded = pipeline([...(values.limit ? [limit] : []), timeout({ ms: 10 * serviceMs })])
const random = seededRandom(7)
const took: number[] = []
const failures: Record<string, number> = {}

async function call(): Promise<void> {
  const startedAt = performance.now()
  try {
    await guarded.run(get, undefined)
    took.push(performance.now() - startedAt)
  } catch (error) {
    const { code } = CommunicationError.from(error)
    failures[code] = (failures[code] ?? 0) + 1
  }
}

/** Answers a second while as many calls are under way as the server serves at once. */
async function measureCapacity(): Promise<number> {
  const begunAt = performance.now()
  let answers = 0
  const { signal } = new AbortController()
  const ask = async (): Promise<void> => {
    while (performance.now() - begunAt < 2000) {
      await get(undefined, { signal })
      answers++
    }
  }
  await Promise.all(Array.from({ length: workers }, ask))
  return (answers * 1000) / (performance.now() - begunAt)
}

const capacity = await measureCapacity()
const begunAt = performance.now()
const calls: Promise<void>[] = []
let [nextAt, countFrom, answeredBefore] = [begunAt, begunAt, 0]
while (performance.now() - begunAt < (warmUpSeconds + seconds) * 1000) {
  for (; nextAt <= performance.now(); nextAt += (-Math.log(1 - random()) * 1000) / (3 * capacity)) calls.push(call())
  if (countFrom === begunAt && performance.now() - begunAt >= warmUpSeconds * 1000) {
    countFrom = performance.now()
    answeredBefore = took.splice(0).length
  }
  await wait(1)
}
const endedAt = performance.now()
const answered = took.length
await Promise.all(calls)
agent.destroy()
server.disconnect()

took.sort((one, other) => one - other)
const report = {
  offeredPerS: Math.round((calls.length * 1000) / (endedAt - begunAt)),
  capacityPerS: Math.round(capacity),
  warmUpGoodput: Number(((answeredBefore * 1000) / (countFrom - begunAt) / capacity).toFixed(3)),
  goodput: Number(((answered * 1000) / (endedAt - countFrom) / capacity).toFixed(3)),
  p50Ms: Math.round(took[Math.floor(took.length / 2)] ?? Number.NaN),
  p99Ms: Math.round(took[Math.floor(took.length * 0.99)] ?? Number.NaN),
  limit: values.limit ? limit.limit : null,
  failures,
}
console.log(JSON.stringify(report))
