import { ConfigurationError } from '@comm/core'
import { MemoryBrokerAdapter } from '@comm/messaging'
import { type FaultOptions, FaultyAdapter } from '@comm/testkit'
import { expect, it } from '@jest/globals'

it.each([
  [{ drop: 2 }, 'FaultyAdapter options.drop must be a finite number >= 0 and <= 1, got 2'],
  [{ duplicate: '5%' }, "FaultyAdapter options.duplicate must be a finite number >= 0 and <= 1, got '5%'"],
  [{ outageMs: -1 }, 'FaultyAdapter options.outageMs must be a finite number >= 0, got -1'],
  [{ seed: 0.5 }, 'FaultyAdapter options.seed must be an integer, got 0.5'],
])('new FaultyAdapter(adapter, %j)', (options, message) => {
  expect(() => new FaultyAdapter(new MemoryBrokerAdapter(), options as FaultOptions)).toThrow(new ConfigurationError(message))
})
