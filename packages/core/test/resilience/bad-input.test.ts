import {
  type Backoff,
  breaker,
  bulkhead,
  chaos,
  concurrencyLimit,
  constantBackoff,
  customBackoff,
  decorrelatedJitterBackoff,
  exponentialBackoff,
  fallback,
  fibonacciBackoff,
  hedge,
  keyed,
  linearBackoff,
  pipeline,
  rateLimit,
  retry,
  retryBudget,
  type Stage,
  timeout,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'

/** What a JavaScript user, or a configuration file, may hand over. */
const make: Readonly<Record<string, (options: never) => unknown>> = {
  retry,
  breaker,
  timeout,
  bulkhead,
  chaos,
  concurrencyLimit,
  hedge,
  keyed,
  rateLimit,
  retryBudget,
  constantBackoff,
  linearBackoff,
  exponentialBackoff,
  fibonacciBackoff,
  decorrelatedJitterBackoff,
  customBackoff,
  fallback,
  pipeline,
  'keyed options': (options) => keyed(() => breaker(), options),
  'fallback options': (options) => fallback(() => 1, options),
  'pipeline options': (options) => pipeline([], options),
}

const CLOCK = 'a Clock (with now(), wall(), setTimer())'
const WINDOW = '{ calls: an integer from 1 to 1000000 } or { ms: an integer >= 1 }'

const CASES: readonly [keyof typeof make & string, unknown, string][] = [
  ['retry', null, 'retry must be an object, got null'],
  ['retry', { maxRetries: -1 }, 'retry.maxRetries must be an integer >= 0 or Infinity, got -1'],
  ['retry', { maxRetries: 1.5 }, 'retry.maxRetries must be an integer >= 0 or Infinity, got 1.5'],
  ['retry', { maxRetries: '3' }, "retry.maxRetries must be an integer >= 0 or Infinity, got '3'"],
  [
    'retry',
    { backoff: {} },
    'retry.backoff must be a Backoff such as exponentialBackoff() (with delayMs()), got an object with keys (none)',
  ],
  [
    'retry',
    { backoff: () => 1 },
    'retry.backoff must be a Backoff such as exponentialBackoff() (with delayMs()), got a function',
  ],
  ['retry', { classify: 'failure' }, "retry.classify must be a function, got 'failure'"],
  ['retry', { isSafe: true }, 'retry.isSafe must be a function, got true'],
  ['retry', { hint: 5 }, 'retry.hint must be a function, got 5'],
  ['retry', { maxHintMs: Number.NaN }, 'retry.maxHintMs must be a finite number >= 0 or Infinity, got NaN'],
  [
    'retry',
    { budget: {} },
    'retry.budget must be a RetryBudget such as retryBudget() (with deposit(), withdraw()), got an object with keys (none)',
  ],
  ['retry', { onRetry: {} }, 'retry.onRetry must be a function, got an object with keys (none)'],
  ['retry', { random: 0.5 }, 'retry.random must be a function, got 0.5'],
  [
    'retry',
    { retries: 3 },
    'retry.retries is an unknown option, known are name, maxRetries, backoff, classify, isSafe, hint, maxHintMs, budget, onRetry, random',
  ],
  [
    'retry',
    { maxRetries: -1, random: 1 },
    '2 options of retry are wrong:\n  retry.maxRetries must be an integer >= 0 or Infinity, got -1\n  retry.random must be a function, got 1',
  ],
  ['breaker', { name: '' }, "breaker.name must be a non-empty string, got ''"],
  ['breaker', { consecutiveFailures: 0 }, 'breaker.consecutiveFailures must be an integer >= 1, got 0'],
  ['breaker', { window: 100 }, `breaker.window must be ${WINDOW}, got 100`],
  ['breaker', { window: {} }, `breaker.window must be ${WINDOW}, got an object with keys (none)`],
  ['breaker', { window: { calls: 5, ms: 5 } }, `breaker.window must be ${WINDOW}, got an object with keys calls, ms`],
  ['breaker', { window: { calls: 1e9 } }, `breaker.window must be ${WINDOW}, got an object with keys calls`],
  ['breaker', { window: { ms: 0.5 } }, `breaker.window must be ${WINDOW}, got an object with keys ms`],
  ['breaker', { failureRatio: 50 }, 'breaker.failureRatio must be a finite number >= 0 and <= 1, got 50'],
  ['breaker', { slowCallMs: -1 }, 'breaker.slowCallMs must be a finite number >= 0 or Infinity, got -1'],
  ['breaker', { slowCallRatio: 1.1 }, 'breaker.slowCallRatio must be a finite number >= 0 and <= 1, got 1.1'],
  ['breaker', { minimumCalls: 0 }, 'breaker.minimumCalls must be an integer >= 1, got 0'],
  [
    'breaker',
    { window: { calls: 5 }, minimumCalls: 10 },
    'breaker.minimumCalls must be an integer <= breaker.window.calls (5), got 10',
  ],
  ['breaker', { openMs: Number.POSITIVE_INFINITY }, 'breaker.openMs must be a finite number >= 0, got Infinity'],
  ['breaker', { openGrowth: 0.5 }, 'breaker.openGrowth must be a finite number >= 1, got 0.5'],
  ['breaker', { openMs: 5000, maxOpenMs: 1000 }, 'breaker.maxOpenMs must be a number >= breaker.openMs (5000), got 1000'],
  ['breaker', { halfOpenCalls: 0 }, 'breaker.halfOpenCalls must be an integer >= 1, got 0'],
  ['breaker', { classify: 1 }, 'breaker.classify must be a function, got 1'],
  ['breaker', { onStateChange: 1 }, 'breaker.onStateChange must be a function, got 1'],
  ['breaker', { clock: Date }, `breaker.clock must be ${CLOCK}, got a function`],
  [
    'breaker',
    { consecutiveFailures: 5, failureRatio: 0.5 },
    'breaker.failureRatio must be left out beside breaker.consecutiveFailures, got 0.5',
  ],
  ['timeout', undefined, 'timeout must be an object, got undefined'],
  ['timeout', 800, 'timeout must be an object, got 800'],
  ['timeout', {}, 'timeout.ms must be a finite number >= 0, got nothing'],
  ['timeout', { ms: -5 }, 'timeout.ms must be a finite number >= 0, got -5'],
  ['timeout', { ms: Number.POSITIVE_INFINITY }, 'timeout.ms must be a finite number >= 0, got Infinity'],
  ['timeout', { ms: '5s' }, "timeout.ms must be a finite number >= 0, got '5s'"],
  ['bulkhead', {}, 'bulkhead.limit must be an integer >= 1, got nothing'],
  ['bulkhead', { limit: 0 }, 'bulkhead.limit must be an integer >= 1, got 0'],
  ['bulkhead', { limit: 1, maxQueue: -1 }, 'bulkhead.maxQueue must be an integer >= 0 or Infinity, got -1'],
  ['bulkhead', { limit: 1, releaseOnTimeout: 'no' }, "bulkhead.releaseOnTimeout must be true or false, got 'no'"],
  ['retry', { name: '' }, "retry.name must be a non-empty string, got ''"],
  ['timeout', { name: 7, ms: 1 }, 'timeout.name must be a non-empty string, got 7'],
  ['bulkhead', { name: '', limit: 1 }, "bulkhead.name must be a non-empty string, got ''"],
  ['rateLimit', { name: '', perSecond: 1 }, "rateLimit.name must be a non-empty string, got ''"],
  ['concurrencyLimit', { name: '' }, "concurrencyLimit.name must be a non-empty string, got ''"],
  ['fallback options', { name: '' }, "fallback.name must be a non-empty string, got ''"],
  ['bulkhead', { limit: 1, maxQueueMs: -1 }, 'bulkhead.maxQueueMs must be a finite number >= 0 or Infinity, got -1'],
  [
    'bulkhead',
    { limit: 1, overloadQueueMs: Number.POSITIVE_INFINITY },
    'bulkhead.overloadQueueMs must be a finite number >= 0, got Infinity',
  ],
  [
    'bulkhead',
    { limit: 1, overloadQueueMs: 5 },
    'bulkhead.maxQueueMs must be finite, and a number >= bulkhead.overloadQueueMs (5), got Infinity',
  ],
  [
    'bulkhead',
    { limit: 1, overloadQueueMs: 5, maxQueueMs: 4 },
    'bulkhead.maxQueueMs must be finite, and a number >= bulkhead.overloadQueueMs (5), got 4',
  ],
  ['bulkhead', { limit: 1, priority: 1 }, 'bulkhead.priority must be a function, got 1'],
  ['concurrencyLimit', { initialLimit: 0 }, 'concurrencyLimit.initialLimit must be an integer >= 1, got 0'],
  [
    'concurrencyLimit',
    { initialLimit: 5, minLimit: 10 },
    'concurrencyLimit.initialLimit must be an integer from concurrencyLimit.minLimit (10) to maxLimit (1000), got 5',
  ],
  ['concurrencyLimit', { minLimit: 1.5 }, 'concurrencyLimit.minLimit must be an integer >= 1, got 1.5'],
  [
    'concurrencyLimit',
    { minLimit: 50, maxLimit: 40 },
    'concurrencyLimit.maxLimit must be a number >= concurrencyLimit.minLimit (50), got 40',
  ],
  ['concurrencyLimit', { windowMs: '1s' }, "concurrencyLimit.windowMs must be a finite number >= 0, got '1s'"],
  ['concurrencyLimit', { windowCalls: 0 }, 'concurrencyLimit.windowCalls must be an integer >= 1, got 0'],
  ['concurrencyLimit', { tolerance: 0.9 }, 'concurrencyLimit.tolerance must be a finite number >= 1, got 0.9'],
  ['concurrencyLimit', { smoothing: 0 }, 'concurrencyLimit.smoothing must be a finite number > 0 and <= 1, got 0'],
  ['concurrencyLimit', { backoff: 1.1 }, 'concurrencyLimit.backoff must be a finite number > 0 and <= 1, got 1.1'],
  ['concurrencyLimit', { probeIntervalMs: 0 }, 'concurrencyLimit.probeIntervalMs must be a finite number > 0 or Infinity, got 0'],
  ['concurrencyLimit', { classify: 'x' }, "concurrencyLimit.classify must be a function, got 'x'"],
  ['concurrencyLimit', { onLimitChange: 1 }, 'concurrencyLimit.onLimitChange must be a function, got 1'],
  ['concurrencyLimit', { random: 1 }, 'concurrencyLimit.random must be a function, got 1'],
  [
    'concurrencyLimit',
    { maxQueue: 1, overloadQueueMs: 5 },
    'concurrencyLimit.maxQueueMs must be finite, and a number >= concurrencyLimit.overloadQueueMs (5), got Infinity',
  ],
  ['rateLimit', {}, `rateLimit.perSecond must be a finite number > 0, got nothing`],
  ['rateLimit', { perSecond: 0 }, `rateLimit.perSecond must be a finite number > 0, got 0`],
  ['rateLimit', { perSecond: 1, burst: 0.5 }, 'rateLimit.burst must be a finite number >= 1, got 0.5'],
  ['rateLimit', { perSecond: 1, maxWaitMs: -1 }, 'rateLimit.maxWaitMs must be a finite number >= 0, got -1'],
  ['rateLimit', { perSecond: 1, key: '' }, "rateLimit.key must be a non-empty string or a function, got ''"],
  [
    'rateLimit',
    { perSecond: 1, store: {} },
    'rateLimit.store must be a RateLimitStore (with take()), got an object with keys (none)',
  ],
  ['rateLimit', { perSecond: 1, clock: {} }, `rateLimit.clock must be ${CLOCK}, got an object with keys (none)`],
  ['hedge', 100, 'hedge must be an object, got 100'],
  ['hedge', { name: '' }, "hedge.name must be a non-empty string, got ''"],
  ['hedge', { afterMs: -1 }, 'hedge.afterMs must be a finite number >= 0, got -1'],
  ['hedge', { percentile: 95 }, 'hedge.percentile must be a finite number > 0 and <= 1, got 95'],
  ['hedge', { minimumCalls: 0 }, 'hedge.minimumCalls must be an integer >= 1, got 0'],
  ['hedge', { maxHedges: 0 }, 'hedge.maxHedges must be an integer >= 1, got 0'],
  ['hedge', { isSafe: true }, 'hedge.isSafe must be a function, got true'],
  ['hedge', { isGood: true }, 'hedge.isGood must be a function, got true'],
  ['hedge', { budget: 0.1 }, 'hedge.budget must be a RetryBudget such as retryBudget() (with deposit(), withdraw()), got 0.1'],
  ['hedge', { onHedge: 1 }, 'hedge.onHedge must be a function, got 1'],
  ['hedge', { afterMs: 5, percentile: 0.9 }, 'hedge.percentile must be left out beside hedge.afterMs, got 0.9'],
  ['hedge', { afterMs: 5, minimumCalls: 9 }, 'hedge.minimumCalls must be left out beside hedge.afterMs, got 9'],
  ['keyed', { name: 'breaker' }, 'keyed make must be a function, got an object with keys name'],
  ['keyed options', { name: '' }, "keyed.name must be a non-empty string, got ''"],
  ['keyed options', { key: 'target' }, "keyed.key must be a function, got 'target'"],
  ['keyed options', { maxKeys: 0 }, 'keyed.maxKeys must be an integer >= 1, got 0'],
  ['keyed options', { idleMs: -1 }, 'keyed.idleMs must be a finite number >= 0 or Infinity, got -1'],
  ['chaos', { name: '' }, "chaos.name must be a non-empty string, got ''"],
  ['chaos', { enabled: 'yes' }, "chaos.enabled must be true or false or a function, got 'yes'"],
  ['chaos', { seed: 1.5 }, 'chaos.seed must be an integer, got 1.5'],
  ['chaos', { latency: 100 }, 'chaos.latency must be an object, got 100'],
  ['chaos', { latency: { ms: 100 } }, 'chaos.latency.rate must be a finite number >= 0 and <= 1, got nothing'],
  ['chaos', { latency: { rate: 0.1 } }, 'chaos.latency.ms must be a finite number >= 0, got nothing'],
  ['chaos', { latency: { rate: 0.1, ms: 10, maxMs: 5 } }, 'chaos.latency.maxMs must be a number >= chaos.latency.ms (10), got 5'],
  ['chaos', { fault: { rate: 2 } }, 'chaos.fault.rate must be a finite number >= 0 and <= 1, got 2'],
  ['chaos', { fault: { rate: 1, error: 'no' } }, "chaos.fault.error must be a function, got 'no'"],
  ['chaos', { outcome: { rate: 1, values: [] } }, 'chaos.outcome.values is an unknown option, known are rate, value'],
  ['retryBudget', { ratio: -0.1 }, 'retryBudget.ratio must be a finite number >= 0, got -0.1'],
  ['retryBudget', { minPerSecond: -1 }, 'retryBudget.minPerSecond must be a finite number >= 0, got -1'],
  ['retryBudget', { capacity: 0 }, 'retryBudget.capacity must be a finite number >= 1, got 0'],
  ['retryBudget', { clock: 1 }, `retryBudget.clock must be ${CLOCK}, got 1`],
  ['constantBackoff', { baseMs: -1 }, 'constantBackoff.baseMs must be a finite number >= 0, got -1'],
  ['linearBackoff', { jitter: 2 }, 'linearBackoff.jitter must be a finite number >= 0 and <= 1, got 2'],
  ['exponentialBackoff', { maxMs: Number.NaN }, 'exponentialBackoff.maxMs must be a finite number >= 0, got NaN'],
  [
    'fibonacciBackoff',
    { baseMs: 200, maxMs: 100 },
    'fibonacciBackoff.maxMs must be a number >= fibonacciBackoff.baseMs (200), got 100',
  ],
  ['fibonacciBackoff', { maxMs: 50 }, 'fibonacciBackoff.maxMs must be a number >= fibonacciBackoff.baseMs (100), got 50'],
  [
    'decorrelatedJitterBackoff',
    { jitter: 0.5 },
    'decorrelatedJitterBackoff.jitter is an unknown option, known are baseMs, maxMs',
  ],
  ['customBackoff', 5, 'customBackoff delayMs must be a function, got 5'],
  ['fallback', 'answer', "fallback answer must be a function, got 'answer'"],
  ['fallback options', { when: 1 }, 'fallback.when must be a function, got 1'],
  ['fallback options', { onFallback: 1 }, 'fallback.onFallback must be a function, got 1'],
  ['pipeline', undefined, 'stages must be an array of stages, got undefined'],
  ['pipeline', {}, 'stages must be an array of stages, got an object with keys (none)'],
  ['pipeline', [retry], 'stages[0] must be a stage such as retry(), breaker() or timeout(), got a function'],
  ['pipeline', [retry(), null], 'stages[1] must be a stage such as retry(), breaker() or timeout(), got null'],
  [
    'pipeline',
    [{ name: 'a', enter: true }],
    'stages[0] must be a stage such as retry(), breaker() or timeout(), got an object with keys name, enter',
  ],
  ['pipeline options', { clock: Date.now }, `pipeline.clock must be ${CLOCK}, got a function`],
  ['pipeline options', { signal: 1 }, 'pipeline.signal is an unknown option, known are clock'],
]

describe('wrong options', () => {
  it.each(CASES)('%s(%o): %s', (what, options, message) => {
    const error = (() => {
      try {
        return make[what]?.(options as never)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'COMM_CONFIGURATION', message })
  })

  it('that are undefined count as absent', () => {
    const options = (...names: string[]): never => Object.fromEntries(names.map((name) => [name, undefined])) as never
    const described = (stages: readonly Stage[]): string => pipeline(stages).describe()
    expect(described([retry(options('maxRetries', 'backoff', 'classify', 'hint', 'maxHintMs', 'random'))])).toBe(
      described([retry()]),
    )
    expect(described([breaker(options('window', 'failureRatio', 'openMs', 'minimumCalls', 'classify', 'clock'))])).toBe(
      described([breaker()]),
    )
    const backoffs: readonly ((options?: never) => Backoff)[] = [constantBackoff, decorrelatedJitterBackoff]
    for (const backoff of backoffs) expect(backoff(options('baseMs', 'maxMs')).description).toBe(backoff().description)
  })
})

describe('wrong arguments of run', () => {
  it('reject the call, and nothing is called', async () => {
    const guarded = pipeline([retry()])
    await expect(guarded.run('callee' as never, 1)).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: "run callee must be a function, got 'callee'",
    })
    const options = { signal: new AbortController().signal }
    await expect(guarded.run(() => 1, 1, options as never)).rejects.toMatchObject({
      code: 'COMM_CONFIGURATION',
      message: 'run signal must be an AbortSignal, got an object with keys signal',
    })
  })
})
