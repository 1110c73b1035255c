import {
  ConfigurationError,
  Lifecycle,
  MemoryCacheStore,
  MemoryDedupStore,
  MemoryRateLimitStore,
  stopOnSignals,
  withDeadline,
} from '@comm/core'
import { describe, expect, it } from '@jest/globals'

/** What reaches us from JavaScript, or from a configuration that nobody has checked. */
function wrong<Right>(value: unknown): Right {
  return value as Right
}

function messageOf(make: () => unknown): string {
  try {
    make()
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigurationError)
    return (thrown as ConfigurationError).message
  }
  throw new Error('it was accepted')
}

describe('wrong input', () => {
  it.each<[() => unknown, string]>([
    [() => new MemoryCacheStore({ maxBytes: 0 }), 'MemoryCacheStore.maxBytes must be an integer >= 1, got 0'],
    [() => new MemoryCacheStore({ maxEntries: 1.5 }), 'MemoryCacheStore.maxEntries must be an integer >= 1, got 1.5'],
    [() => new MemoryDedupStore({ maxKeys: 0 }), 'MemoryDedupStore.maxKeys must be an integer >= 1, got 0'],
    [() => new MemoryRateLimitStore({ maxKeys: 0 }), 'MemoryRateLimitStore.maxKeys must be an integer >= 1, got 0'],
    [() => new MemoryRateLimitStore({ clock: wrong(5) }), 'MemoryRateLimitStore.clock must be a Clock (with now()), got 5'],
    [() => new Lifecycle({ stopBudgetMs: -1 }), 'lifecycle.stopBudgetMs must be a finite number >= 0, got -1'],
    [() => new Lifecycle({ stopBudgetMs: wrong('10s') }), "lifecycle.stopBudgetMs must be a finite number >= 0, got '10s'"],
    [
      () => new Lifecycle({ readinessDelayMs: 20_000 }),
      'lifecycle.readinessDelayMs must be less than stopBudgetMs (10000), got 20000',
    ],
    [
      () => new Lifecycle({ clock: wrong({ now: () => 0 }) }),
      'lifecycle.clock must be a Clock (with now(), wall(), setTimer()), got an object with keys now',
    ],
    [
      () => new Lifecycle({ logger: wrong(console.log) }),
      'lifecycle.logger must be a Logger (with debug(), warn(), error()), got a function',
    ],
    [() => new Lifecycle({ healthTimeoutMs: Number.NaN }), 'lifecycle.healthTimeoutMs must be a finite number >= 0, got NaN'],
    [
      () => new Lifecycle(wrong({ timeout: 5 })),
      'lifecycle.timeout is an unknown option, known are stopBudgetMs, readinessDelayMs, healthTimeoutMs, logger, clock',
    ],
    [() => new Lifecycle().add({ name: '' }), "component.name must be a non-empty string, got ''"],
    [
      () => stopOnSignals(new Lifecycle(), wrong({ signals: 'SIGTERM', onStopped: true })),
      [
        '2 options of stopOnSignals are wrong:',
        "  stopOnSignals.signals must be an array, each item a non-empty string, got 'SIGTERM'",
        '  stopOnSignals.onStopped must be a function, got true',
      ].join('\n'),
    ],
    [() => withDeadline(Number.NaN, () => 1), 'withDeadline ms must be a finite number or Infinity, got NaN'],
  ])('%s', (make, message) => {
    expect(messageOf(make)).toBe(message)
  })
})
