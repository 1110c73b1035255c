export { type RateLimitContractRunner, type RateLimitSubject, rateLimitStoreContract } from './rate-limit-contract.ts'
export { TEST_CLOCK_DEFAULTS, TestClock, type TestClockOptions } from './test-clock.ts'
