import type { TestRunner } from '../runner.ts'
import { type BrokerUnderTest, CONTRACT_LIMITS } from './broker-under-test.ts'
import { CaseContext } from './case-context.ts'
import { administration } from './cases/administration.ts'
import { credits } from './cases/credits.ts'
import { groups } from './cases/groups.ts'
import { lanes } from './cases/lanes.ts'
import { lifecycle } from './cases/lifecycle.ts'
import { outages } from './cases/outages.ts'
import { publishing } from './cases/publishing.ts'
import { replay } from './cases/replay.ts'
import { roundTrip } from './cases/round-trip.ts'
import { routing } from './cases/routing.ts'
import { settling } from './cases/settling.ts'
import { timing } from './cases/timing.ts'
import { type ContractCase, type ContractTheme, reasonToSkip } from './contract.ts'
import type { CaseReport } from './report.ts'

/** Every case of the broker contract, in the order in which they run. */
export const BROKER_CONTRACT: readonly ContractTheme[] = [
  lifecycle,
  roundTrip,
  publishing,
  groups,
  settling,
  credits,
  lanes,
  routing,
  timing,
  replay,
  administration,
  outages,
]

/** A case may wait for several facts, each with the deadline of the limits. */
const DEADLINES_PER_CASE = 4

/**
 * Defines the broker contract as tests of the runner that is passed in, one `describe` per theme. A case that the broker
 * cannot run is skipped, and its title says why.
 *
 * ```ts
 * import { afterAll, describe, it } from '@jest/globals'
 * brokerContract({ describe, it, afterAll }, { name: 'mine', features: MY_FEATURES, createAdapter: () => new MyAdapter() })
 * ```
 */
export function brokerContract(runner: TestRunner, broker: BrokerUnderTest): void {
  const reports: CaseReport[] = []
  const timeoutMs = (broker.limits?.deadlineMs ?? CONTRACT_LIMITS.deadlineMs) * DEADLINES_PER_CASE
  checkSkips(broker)
  runner.describe(`broker contract: ${broker.name}`, () => {
    for (const { name: theme, cases } of BROKER_CONTRACT) {
      runner.describe(theme, () => {
        for (const each of cases) {
          const { id, title } = each
          const reason = reasonToSkip(broker, each)
          const test = async (): Promise<void> => void reports.push(await runCase(broker, theme, each))
          if (reason === undefined) {
            runner.it(title, test, timeoutMs)
          } else {
            reports.push({ id, theme, title, outcome: 'skipped', reason, durationMs: 0 })
            runner.it.skip(`${title} (skipped: ${reason})`, test)
          }
        }
      })
    }
    runner.afterAll(async () => broker.report?.({ broker: broker.name, cases: inOrder(reports) }))
  })

  async function runCase(on: BrokerUnderTest, theme: string, { id, title, run }: ContractCase): Promise<CaseReport> {
    const startedAt = performance.now()
    try {
      await using context = new CaseContext(on)
      await run(context)
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : String(thrown)
      reports.push({ id, theme, title, outcome: 'failed', reason, durationMs: performance.now() - startedAt })
      throw thrown
    }
    return { id, theme, title, outcome: 'passed', durationMs: performance.now() - startedAt }
  }
}

/** The skipped ones were known first. */
function inOrder(reports: readonly CaseReport[]): readonly CaseReport[] {
  const places = new Map(BROKER_CONTRACT.flatMap(({ cases }) => cases).map(({ id }, place) => [id, place]))
  return reports.toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0))
}

/** A skip that names no case would hide a misspelling for good. */
function checkSkips(broker: BrokerUnderTest): void {
  const ids = new Set(BROKER_CONTRACT.flatMap(({ cases }) => cases.map(({ id }) => id)))
  for (const [id, reason] of Object.entries(broker.skip ?? {})) {
    if (!ids.has(id)) throw new Error(`brokerContract: skip names ${id}, which is not a case. Cases: ${[...ids].join(', ')}`)
    if (reason.trim() === '') throw new Error(`brokerContract: skip.${id} needs a reason in words`)
  }
}
