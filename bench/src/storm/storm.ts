import { type StormClient, withoutPolicies, withPolicies } from './clients.ts'
import { refusingAddress, startInstance } from './instances.ts'
import { offerLoad, type Sample, type Summary, summarize } from './load.ts'

export interface StormOptions {
  readonly seconds: number
  readonly perSecond: number
}

export interface StormRun extends Summary {
  readonly name: string
  /** Retries for each request. */
  readonly retryRatio: number
  readonly samples: readonly Sample[]
}

const SERVICE_MS = 20
const LATE_MS = 500
/** Before anything is measured: connections are made and code is compiled. */
const WARM_UP_SECONDS = 2

/**
 * One instance in good order, one that refuses connections, one that answers late; the same load with our policies and without. What is
 * usual is measured first, with three instances in good order.
 */
export async function storm(options: StormOptions): Promise<{ readonly usual: StormRun; readonly runs: readonly StormRun[] }> {
  await using one = await startInstance({ serviceMs: SERVICE_MS })
  await using two = await startInstance({ serviceMs: SERVICE_MS })
  await using three = await startInstance({ serviceMs: SERVICE_MS })
  await using late = await startInstance({ serviceMs: SERVICE_MS, lateMs: LATE_MS })
  const well = [one.address, two.address, three.address]
  const ill = [one.address, await refusingAddress(), late.address]
  const usual = await runWith(withPolicies(well), options, 'three instances in good order')
  const runs = [await runWith(withoutPolicies(ill), options), await runWith(withPolicies(ill), options)]
  return { usual, runs }
}

async function runWith(client: StormClient, { seconds, perSecond }: StormOptions, name: string = client.name): Promise<StormRun> {
  await using used = client
  // The usual has nothing to find out first; the others begin in the middle of the storm.
  if (name !== client.name) await offerLoad(perSecond, WARM_UP_SECONDS, () => used.request())
  const before = used.retries
  const samples = await offerLoad(perSecond, seconds, () => used.request())
  return { name, ...summarize(samples, seconds), retryRatio: (used.retries - before) / samples.length, samples }
}

/** Why a storm was not weathered; empty when it was. */
export function stormFailures(usual: StormRun, [without, withOurs]: readonly StormRun[]): readonly string[] {
  if (without === undefined || withOurs === undefined) return ['a run is missing']
  const failures: string[] = []
  if (withOurs.success < 0.999) failures.push(`success is ${withOurs.success}, which is less than 0.999`)
  if (withOurs.retryRatio > 0.2) failures.push(`retries are ${withOurs.retryRatio} of the requests, more than the budget of 0.2`)
  if (withOurs.p99Ms > 2 * usual.p99Ms) failures.push(`p99 is ${withOurs.p99Ms} ms, more than twice the usual ${usual.p99Ms} ms`)
  if (without.success > 0.9) failures.push(`without policies ${without.success} succeed: that is no storm`)
  return failures
}
