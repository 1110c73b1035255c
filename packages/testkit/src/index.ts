export {
  type BrokerUnderTest,
  CONTRACT_LIMITS,
  type ContractCase,
  type ContractLimits,
  type ContractTheme,
  type Need,
} from './broker-contract/contract.ts'
export { type CaseReport, type ContractReport, supportTable } from './broker-contract/report.ts'
export { BROKER_CONTRACT, brokerContract } from './broker-contract/suite.ts'
export { type DedupSubject, dedupStoreContract } from './dedup-contract.ts'
export { FaultyAdapter } from './faults/faulty-adapter.ts'
export { FAULT_DEFAULTS, type Fault, type FaultOptions } from './faults/options.ts'
export { type HandlerSpy, handlerSpy, type SpyStep } from './handler-spy.ts'
export type { PipelineCase } from './pipeline-suite/case.ts'
export { PIPELINE_SUITE, pipelineSuite } from './pipeline-suite/suite.ts'
export { type RateLimitSubject, rateLimitStoreContract } from './rate-limit-contract.ts'
export type { TestRunner } from './runner.ts'
export { seededRandom } from './seeded-random.ts'
export { TEST_CLOCK_DEFAULTS, TestClock, type TestClockOptions } from './test-clock.ts'
export { WAIT_FOR_DEFAULTS, type WaitForOptions, waitFor } from './wait-for.ts'
