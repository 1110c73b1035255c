import { join } from 'node:path'
import { CommunicationConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { folderWith } from './helpers.ts'

const timeoutOf = (ms: number): string => `communication: { http_client: { timeout_ms: ${ms} } }`

describe('load', () => {
  const folder = folderWith({
    'communication.yaml': timeoutOf(1),
    'communication.production.yaml': timeoutOf(2),
    'plain.yaml': 'http_client: { timeout: { connection: 3 }, max_retries: 9 }',
    'profiles/production.yaml': timeoutOf(5),
  })
  const file = join(folder, 'communication.yaml')
  const total = (config: CommunicationConfig): [number, string] => [
    config.httpClient.timeout.totalMs,
    config.source('httpClient.timeout.totalMs'),
  ]

  it('takes defaults, then the file, its profile, the environment, the overrides', () => {
    const production = { ENVIRONMENT: 'production' }
    const overrides = { httpClient: { timeout: { totalMs: 4 } } }
    expect(total(CommunicationConfig.load({ env: {} }))).toEqual([30_000, 'default'])
    expect(total(CommunicationConfig.load({ file, env: {} }))).toEqual([1, `${file}:1`])
    expect(total(CommunicationConfig.load({ file, env: production }))).toEqual([
      2,
      `${join(folder, 'communication.production.yaml')}:1`,
    ])
    const env = { ...production, HTTP_CLIENT_TIMEOUT_MS: '3' }
    expect(total(CommunicationConfig.load({ file, env }))).toEqual([3, 'environment HTTP_CLIENT_TIMEOUT_MS'])
    expect(total(CommunicationConfig.load({ file, env, overrides }))).toEqual([4, 'overrides'])
  })

  it('lays settings over each other one by one, not section by section', () => {
    const env = { HTTP_CLIENT_TIMEOUT: '7' }
    const { httpClient } = CommunicationConfig.load({ file: join(folder, 'plain.yaml'), env })
    expect(httpClient.timeout).toEqual({ connectionMs: 3000, readMs: 30_000, writeMs: 30_000, attemptMs: 10_000, totalMs: 7000 })
    expect(httpClient.retry.maxRetries).toBe(9)
  })

  it('does without a profile file that does not exist, unless it was asked for by name', () => {
    expect(total(CommunicationConfig.load({ file, env: { ENVIRONMENT: 'staging' } }))[0]).toBe(1)
    const profileFile = join(folder, 'profiles/{profile}.yaml')
    expect(total(CommunicationConfig.load({ profileFile, profile: 'production', env: {} }))[0]).toBe(5)
    expect(() => CommunicationConfig.load({ profileFile, env: {} })).toThrow(/profiles\/development\.yaml must be a readable/)
  })

  it('knows its environment', () => {
    expect(CommunicationConfig.load({ env: {} }).environment).toBe('development')
    expect(CommunicationConfig.load({ env: { ENVIRONMENT: 'staging' } }).environment).toBe('staging')
    const chosen = CommunicationConfig.load({ file, profile: 'production', env: { ENVIRONMENT: 'staging' } })
    expect([chosen.environment, chosen.source('environment'), total(chosen)[0]]).toEqual(['production', 'the option profile', 2])
  })

  it('collects the problems of all layers', () => {
    const act = (): unknown =>
      CommunicationConfig.load({
        file: join(folder, 'missing.yaml'),
        env: { LOG_LEVEL: 'loud' },
        overrides: { httpClient: { maxConnections: 0 } },
      })
    expect(act).toThrow(/3 problems[\s\S]*missing\.yaml[\s\S]*logging\.level[\s\S]*httpClient\.maxConnections/)
  })
})

describe('a configuration', () => {
  const config = CommunicationConfig.from({
    httpClient: { headers: { a: 'b' } },
    messageBroker: { hosts: ['a'] },
    httpClients: { billing: { timeout: { totalMs: 5 } } },
  })

  it.each([
    ['itself', config],
    ['a section', config.httpClient],
    ['a nested section', config.httpClient.timeout],
    ['a map', config.httpClient.headers],
    ['a list', config.messageBroker.hosts],
    ['the named sections', config.httpClients],
    ['a named section', config.httpClients.billing],
  ])('is frozen: %s', (_, part) => {
    expect(Object.isFrozen(part)).toBe(true)
  })

  it('is not changed through what it was made of', () => {
    const headers = { a: 'b' }
    const made = CommunicationConfig.from({ httpClient: { headers } })
    headers.a = 'c'
    expect(made.httpClient.headers).toEqual({ a: 'b' })
    expect(Object.isFrozen(headers)).toBe(false)
  })

  it('says which setting was meant when it is asked for the source of an unknown one', () => {
    expect(() => config.source('httpClient.timeout.totlMs')).toThrow(
      "config.source() knows no setting 'httpClient.timeout.totlMs'; did you mean httpClient.timeout.totalMs?",
    )
  })

  it('lists every source', () => {
    expect(config.sources()['httpClients.billing.timeout.totalMs']).toBe('CommunicationConfig.from')
    expect(config.sources()['logging.level']).toBe('default')
  })
})
