import { defineContract } from '../contract/define.ts'
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
  defineContract<CaseContext, ContractCase>(runner, {
    title: 'broker contract',
    subject: broker.name,
    themes: BROKER_CONTRACT,
    reasonToSkip: (each) => reasonToSkip(broker, each),
    skip: broker.skip,
    createContext: () => new CaseContext(broker),
    timeoutMs: (broker.limits?.deadlineMs ?? CONTRACT_LIMITS.deadlineMs) * DEADLINES_PER_CASE,
    report: broker.report?.bind(broker),
  })
}
