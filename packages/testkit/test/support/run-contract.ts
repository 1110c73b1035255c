import { BROKER_CONTRACT, type BrokerUnderTest, brokerContract, type ContractReport, type TestRunner } from '@comm/testkit'

/** Runs cases of the contract by a runner of its own, and gives the report instead of failing. Without ids: all. */
export async function runContract(broker: BrokerUnderTest, ids?: readonly string[]): Promise<ContractReport> {
  const titles = new Set(
    BROKER_CONTRACT.flatMap(({ cases }) => cases).flatMap(({ id, title }) => ((ids?.includes(id) ?? true) ? [title] : [])),
  )
  const tests: (() => Promise<void>)[] = []
  const cleaners: (() => Promise<void>)[] = []
  const runner: TestRunner = {
    describe: (_, define) => define(),
    it: Object.assign((title: string, test: () => Promise<void>) => void (titles.has(title) && tests.push(test)), {
      skip: () => undefined,
    }),
    afterAll: (clean) => cleaners.push(clean),
  }
  const { promise, resolve } = Promise.withResolvers<ContractReport>()
  brokerContract(runner, { ...broker, report: resolve })
  for (const test of tests) await test().catch(() => undefined)
  for (const clean of cleaners) await clean()
  return promise
}
