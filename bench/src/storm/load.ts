import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../statistics.ts'

export interface Sample {
  /** Milliseconds since the load began at which the request was due. */
  readonly at: number
  /** … until it was answered, from when it was due: a client that falls behind does not hide it. */
  readonly ms: number
  readonly ok: boolean
}

/**
 * Requests at a steady rate, whether or not the ones before were answered (an open load: coordinated omission would flatter whoever is slow).
 * @param request rejects when it has failed
 */
export async function offerLoad(perSecond: number, seconds: number, request: () => Promise<unknown>): Promise<readonly Sample[]> {
  const beganAt = performance.now()
  const total = Math.round(perSecond * seconds)
  const running: Promise<Sample>[] = []
  for (let next = 0; next < total; ) {
    const now = performance.now() - beganAt
    for (; next < total && (next * 1000) / perSecond <= now; next++)
      running.push(sampled((next * 1000) / perSecond, beganAt, request))
    await sleep(1)
  }
  return Promise.all(running)
}

async function sampled(at: number, beganAt: number, request: () => Promise<unknown>): Promise<Sample> {
  const ok = await request().then(
    () => true,
    () => false,
  )
  return { at, ms: performance.now() - beganAt - at, ok }
}

export interface Summary {
  readonly requests: number
  /** Share of the requests that were answered; 0 to 1. */
  readonly success: number
  readonly p50Ms: number
  /** Of all requests, failed ones included. */
  readonly p99Ms: number
  /** Answered in time, a second. */
  readonly goodput: number
}

/** @param goodMs an answer that comes later than this is of no use to anybody */
export function summarize(samples: readonly Sample[], seconds: number, goodMs: number = Number.POSITIVE_INFINITY): Summary {
  const times = samples.map(({ ms }) => ms).toSorted((one, other) => one - other)
  const answered = samples.filter(({ ok }) => ok)
  return {
    requests: samples.length,
    success: answered.length / samples.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    goodput: answered.filter(({ ms }) => ms <= goodMs).length / seconds,
  }
}
