import { type BrokerUnderTest, CONTRACT_LIMITS } from '../broker-contract/broker-under-test.ts'
import { reasonToSkip } from '../broker-contract/contract.ts'
import type { TestRunner } from '../runner.ts'
import type { PipelineCase } from './case.ts'
import { deadLetters } from './cases/dead-letters.ts'
import { deadlines } from './cases/deadlines.ts'
import { deduplication } from './cases/deduplication.ts'
import { format } from './cases/format.ts'
import { poison } from './cases/poison.ts'
import { requests } from './cases/requests.ts'
import { retries } from './cases/retries.ts'
import { shutdown } from './cases/shutdown.ts'
import { PipelineContext } from './context.ts'

/** Every case, by theme, in the order in which they run. */
export const PIPELINE_SUITE: Readonly<Record<string, readonly PipelineCase[]>> = {
  format,
  retries,
  'dead letters': deadLetters,
  poison,
  deduplication,
  deadlines,
  'requests and replies': requests,
  shutdown,
}

/** A case may wait for several facts, each with the deadline of the limits. */
const DEADLINES_PER_CASE = 4

/**
 * What the message pipeline promises on every broker, as tests of the runner that is passed in. It takes the same description of a
 * broker as `brokerContract`, which should pass first.
 */
export function pipelineSuite(runner: TestRunner, broker: BrokerUnderTest): void {
  const timeoutMs = (broker.limits?.deadlineMs ?? CONTRACT_LIMITS.deadlineMs) * DEADLINES_PER_CASE
  runner.describe(`message pipeline: ${broker.name}`, () => {
    for (const [theme, cases] of Object.entries(PIPELINE_SUITE)) {
      runner.describe(theme, () => {
        for (const each of cases) {
          const reason = reasonToSkip(broker, each)
          const test = async (): Promise<void> => {
            await using context = new PipelineContext(broker)
            await each.run(context)
          }
          if (reason === undefined) runner.it(each.title, test, timeoutMs)
          else runner.it.skip(`${each.title} (skipped: ${reason})`, test)
        }
      })
    }
  })
}
