export { TEST_CLOCK_DEFAULTS, TestClock, type TestClockOptions } from './test-clock.ts'
