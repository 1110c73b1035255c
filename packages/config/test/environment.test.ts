import { join } from 'node:path'
import { CommunicationConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { fileWith, folderWith } from './helpers.ts'

describe('variables', () => {
  it('are text, and become what the setting holds', () => {
    const config = CommunicationConfig.fromEnv({
      HTTP_CLIENT_HEADERS: 'accept=application/json, x-tenant=blue',
      HTTP_CLIENT_CIRCUIT_BREAKER: 'off',
      HTTP_CLIENT_CACHE_MAX_BYTES: '10MiB',
      MESSAGE_BROKER_HOSTS: 'a:9092, b:9092',
      MESSAGE_BROKER_SSL_ENABLED: 'yes',
      SERVICE_DISCOVERY_SERVICES: '{"users":["http://a:1","http://b:1"]}',
      LOG_LEVEL: 'WARNING',
      LOG_LEVELS: 'comm.http=debug',
    })
    expect(config.httpClient.headers).toEqual({ accept: 'application/json', 'x-tenant': 'blue' })
    expect(config.httpClient.circuitBreaker.enabled).toBe(false)
    expect(config.httpClient.cache.maxBytes).toBe(10 * 1024 * 1024)
    expect(config.messageBroker.hosts).toEqual(['a:9092', 'b:9092'])
    expect(config.messageBroker.ssl.enabled).toBe(true)
    expect(config.serviceDiscovery.services).toEqual({ users: ['http://a:1', 'http://b:1'] })
    expect(config.logging.level).toBe('warn')
    expect(config.logging.levels).toEqual({ 'comm.http': 'debug' })
  })

  it.each([
    ['30.0', 30_000],
    ['0.5', 500],
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5 s', 1500],
  ])('read the duration %s', (written, ms) => {
    expect(CommunicationConfig.fromEnv({ HTTP_CLIENT_TIMEOUT: written }).httpClient.timeout.totalMs).toBe(ms)
  })

  it.each(['HTTP_CLIENT_TIMEOUT_MS', 'HTTP_CLIENT_TIMEOUT_TOTAL_MS'])('take milliseconds under %s', (variable) => {
    expect(CommunicationConfig.fromEnv({ [variable]: '250' }).httpClient.timeout.totalMs).toBe(250)
  })

  it('set nothing when they are empty', () => {
    const config = CommunicationConfig.fromEnv({ HTTP_CLIENT_TIMEOUT: '', MESSAGE_BROKER_PASSWORD: '', HTTP_CLIENT_TYPO: '' })
    expect(config.source('httpClient.timeout.totalMs')).toBe('default')
    expect(config.messageBroker).not.toHaveProperty('password')
  })

  it('are left alone when they are not ours', () => {
    expect(() => CommunicationConfig.fromEnv({ PATH: '/bin', LOG_FILE: 'x', DEBUG: '*', __proto__: 'x' })).not.toThrow()
  })

  it('are ignored when Kubernetes sets them for a service that is named like a section', () => {
    const config = CommunicationConfig.fromEnv({
      MESSAGE_BROKER_SERVICE_HOST: '10.0.0.7',
      MESSAGE_BROKER_SERVICE_PORT: '5672',
      MESSAGE_BROKER_SERVICE_PORT_AMQP: '5672',
      MESSAGE_BROKER_PORT: 'tcp://10.0.0.7:5672',
      MESSAGE_BROKER_PORT_5672_TCP: 'tcp://10.0.0.7:5672',
      MESSAGE_BROKER_PORT_5672_TCP_ADDR: '10.0.0.7',
      HTTP_CLIENT_PORT: 'tcp://10.0.0.7:80',
    })
    expect(config.source('messageBroker.port')).toBe('default')
  })

  it('come from the process unless others are given', () => {
    process.env.SERVICE_NAME = 'from-the-process'
    try {
      expect(CommunicationConfig.fromEnv().serviceName).toBe('from-the-process')
      expect(CommunicationConfig.load().serviceName).toBe('from-the-process')
    } finally {
      delete process.env.SERVICE_NAME
    }
  })
})

describe('variables of named sections', () => {
  it('make a section', () => {
    const config = CommunicationConfig.fromEnv({
      HTTP_CLIENTS__BILLING__TIMEOUT: '5',
      HTTP_CLIENTS__BILLING__RETRY: 'false',
      MESSAGE_BROKERS__DEFAULT__TYPE: 'kafka',
      MESSAGE_BROKERS__AUDIT_LOG__TYPE: 'redis-streams',
    })
    expect(config.httpClients.billing).toMatchObject({ timeout: { totalMs: 5000 }, retry: { enabled: false } })
    expect(Object.keys(config.messageBrokers)).toEqual(['default', 'audit_log'])
    expect(config.source('httpClients.billing.timeout.totalMs')).toBe('environment HTTP_CLIENTS__BILLING__TIMEOUT')
  })

  it('mean the section of a file whose name differs in case and dashes only', () => {
    const file = fileWith('http_clients: { billing-API: { timeout: 5, max_retries: 1 } }')
    const { httpClients } = CommunicationConfig.load({ file, env: { HTTP_CLIENTS__BILLING_API__TIMEOUT: '7' } })
    expect(Object.keys(httpClients)).toEqual(['billing-API'])
    expect(httpClients['billing-API']).toMatchObject({ timeout: { totalMs: 7000 }, retry: { maxRetries: 1 } })
  })
})

describe('variables that end in _FILE', () => {
  it('name a file that holds the value', () => {
    const path = join(folderWith({ password: 'hunter2\n', port: '5671' }), 'password')
    const portPath = path.replace(/password$/, 'port')
    const config = CommunicationConfig.fromEnv({ MESSAGE_BROKER_PASSWORD_FILE: path, MESSAGE_BROKER_PORT_FILE: portPath })
    expect(config.messageBroker).toMatchObject({ password: 'hunter2', port: 5671 })
    expect(config.source('messageBroker.password')).toBe(`environment MESSAGE_BROKER_PASSWORD_FILE, file ${path}`)
  })

  it('work for named sections', () => {
    const path = fileWith('  spaces are kept ', 'password')
    const config = CommunicationConfig.fromEnv({ MESSAGE_BROKERS__AUDIT__PASSWORD_FILE: path })
    expect(config.messageBrokers.audit?.password).toBe('  spaces are kept ')
  })

  it('are settings of their own where the setting is the path of a file', () => {
    const config = CommunicationConfig.fromEnv({ MESSAGE_BROKER_SSL_CA_FILE: '/nowhere/ca.pem' })
    expect(config.messageBroker.ssl.caFile).toBe('/nowhere/ca.pem')
  })
})
