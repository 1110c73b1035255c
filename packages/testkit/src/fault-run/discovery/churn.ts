import { pause, systemClock } from '@comm/core'
import type { Registration, Registry, ServiceResolver } from '@comm/discovery'
import { waitFor } from '../../wait-for.ts'

export interface ChurnReport {
  readonly registrations: number
  readonly deregistrations: number
  /** Both together, as many as the registry took. */
  readonly perSecond: number
  /** How long after the last change all lists were right. */
  readonly convergedAfterMs: number
  /** Growth of the heap between its first and its last third, after garbage was collected; undefined where that cannot be asked for. */
  readonly heapGrowthMiB: number | undefined
}

const KEPT = 20
/** Requests that wait for the registry at once, so that one that is slow is not flooded: Consul takes 200 connections of a client. */
const MOST_OPEN = 24
const MIB = 1024 * 1024
const CONVERGENCE_LIMIT_MS = 30_000

/** Instances that come and go, so many a second; lists of clients must follow, and keep nothing of those that went. */
export async function churn(
  registry: Registry,
  service: string,
  resolvers: readonly ServiceResolver[],
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<ChurnReport> {
  const signal = new AbortController().signal
  const known: Registration[] = []
  const open = new Set<Promise<unknown>>()
  const endsAt = performance.now() + seconds * 1000
  let [registrations, deregistrations, early] = [0, 0, 0]
  const startedAt = performance.now()
  const begin = (work: Promise<unknown>): void => {
    const own = work.finally(() => open.delete(own))
    open.add(own)
  }
  while (performance.now() < endsAt) {
    // So many as time has passed for, of both kinds in turn once there are enough.
    const due = ((performance.now() - startedAt) / 1000) * rate
    while (registrations + deregistrations < due && open.size < MOST_OPEN) {
      if (known.length < KEPT || registrations <= deregistrations) {
        const nth = registrations++
        const instance = {
          service,
          id: `churn-${nth}`,
          host: '10.9.0.1',
          port: 1 + (nth % 60_000),
          metadata: { nth: String(nth) },
        }
        const registration = { instance, ttlMs: 600_000 }
        begin(registry.register(registration, signal).then(() => known.push(registration)))
      } else {
        deregistrations++
        begin(registry.deregister(known.shift() as Registration, signal))
      }
    }
    if (early === 0 && performance.now() - startedAt > (seconds * 1000) / 3) early = heapAfterCollection()
    await pause(systemClock, 10)
  }
  await Promise.all(open)
  const stoppedAt = performance.now()
  const perSecond = Math.round((registrations + deregistrations) / ((stoppedAt - startedAt) / 1000))
  const expected = known.map(({ instance }) => instance.id).sort()
  await waitFor(
    () =>
      resolvers.every(({ instances }) => {
        const ids = instances.map(({ id }) => id).sort()
        return ids.length === expected.length && ids.every((id, at) => id === expected[at])
      }),
    { what: `every list to have the ${expected.length} instances that are left`, timeoutMs: CONVERGENCE_LIMIT_MS },
  )
  const convergedAfterMs = Math.round(performance.now() - stoppedAt)
  const late = heapAfterCollection()
  for (const registration of known) await registry.deregister(registration, signal)
  const heapGrowthMiB = late === 0 || early === 0 ? undefined : Math.round(((late - early) / MIB) * 10) / 10
  return { registrations, deregistrations, perSecond, convergedAfterMs, heapGrowthMiB }
}

/** 0 where `--expose-gc` was not given. */
function heapAfterCollection(): number {
  if (globalThis.gc === undefined) return 0
  globalThis.gc()
  return process.memoryUsage().heapUsed
}
