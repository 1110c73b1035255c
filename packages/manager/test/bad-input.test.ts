import { CommunicationConfig } from '@comm/config'
import { ConfigurationError } from '@comm/core'
import { CommunicationManager, type ManagerOptions } from '@comm/manager'
import { describe, expect, it } from '@jest/globals'

const config = CommunicationConfig.from({})

describe('CommunicationManager refuses', () => {
  const table: readonly (readonly [unknown, unknown, string])[] = [
    [
      undefined,
      {},
      'CommunicationManager config must be a CommunicationConfig, such as CommunicationConfig.fromEnv() or CommunicationConfig.from({ … }), got undefined',
    ],
    [
      { httpClient: {} },
      {},
      'CommunicationManager config must be a CommunicationConfig, such as CommunicationConfig.fromEnv() or CommunicationConfig.from({ … }), got an object with keys httpClient',
    ],
    [
      config,
      { logger: 'console' },
      "CommunicationManager.logger must be a Logger, such as createLogger() of @comm/logging makes, got 'console'",
    ],
    [config, { debugMode: 'yes' }, "CommunicationManager.debugMode must be true or false, got 'yes'"],
    [config, { onStartup: 5 }, 'CommunicationManager.onStartup must be a function, got 5'],
    [config, { components: [] }, 'CommunicationManager.components must be an object, got an array of 0'],
    [
      config,
      { onHealthchange: () => undefined },
      'CommunicationManager.onHealthchange is an unknown option, known are enableMetrics, enableTracing, enableHealthChecks, debugMode, detailedMetrics, components, logger, onStartup, onShutdown, onHealthChange',
    ],
  ]
  it.each(table)('%p with %p', (wrongConfig, options, message) => {
    const make = (): unknown => new CommunicationManager(wrongConfig as CommunicationConfig, options as ManagerOptions)
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })
})

it('a wrong environment is refused with every variable', () => {
  const make = (): unknown =>
    CommunicationManager.fromEnv({ MESSAGE_BROKER_TYPE: 'carrier-pigeon', HTTP_CLIENT_MAX_RETRIES: 'many' })
  expect(make).toThrow(ConfigurationError)
  expect(make).toThrow(/MESSAGE_BROKER_TYPE[\s\S]*HTTP_CLIENT_MAX_RETRIES|HTTP_CLIENT_MAX_RETRIES[\s\S]*MESSAGE_BROKER_TYPE/)
})
