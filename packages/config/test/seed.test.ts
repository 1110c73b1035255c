import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { CommunicationConfig, httpClientConfig, messageBrokerConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)

describe('the environment block of the first document', () => {
  it('loads as it is', () => {
    const config = CommunicationConfig.fromEnv(parseEnv(readFileSync(fixture('seed.env'), 'utf8')))
    expect(config.messageBroker).toMatchObject({
      type: 'rabbitmq',
      host: 'rabbitmq.example.com',
      username: 'service_user',
      password: 'secure_password',
    })
    expect(config.httpClient.baseUrl).toBe('https://api.example.com')
    expect(config.httpClient.timeout.totalMs).toBe(30_000)
    expect(config.httpClient.retry.maxRetries).toBe(3)
    expect(config.serviceDiscovery).toMatchObject({ type: 'consul', host: 'consul.example.com', port: 8500 })
    expect(config.logging).toMatchObject({ level: 'info', format: 'json', correlationHeader: 'X-Correlation-ID' })
  })
})

describe('the YAML file of the first document', () => {
  const config = CommunicationConfig.fromFile(fixture('seed.yaml'))

  it('loads as it is', () => {
    expect(config.messageBroker).toMatchObject({
      type: 'rabbitmq',
      host: 'rabbitmq.example.com',
      port: 5672,
      username: 'service_user',
      password: 'secure_password',
      ssl: { enabled: true },
    })
    expect(config.httpClient.baseUrl).toBe('https://api.example.com')
    expect(config.httpClient.timeout).toEqual({
      connectionMs: 10_000,
      readMs: 30_000,
      writeMs: 30_000,
      attemptMs: 10_000,
      totalMs: 30_000,
    })
    expect(config.httpClient.circuitBreaker).toMatchObject({ enabled: true, failureThreshold: 5 })
    expect(config.serviceDiscovery).toMatchObject({ type: 'consul', host: 'consul.example.com', port: 8500 })
    expect(config.logging).toMatchObject({ level: 'info', format: 'json', enableSecurityLogging: true })
  })

  it('says in which line each value stands', () => {
    expect(config.source('httpClient.timeout.readMs')).toBe(`${fixture('seed.yaml')}:15`)
    expect(config.source('messageBroker.ssl.enabled')).toBe(`${fixture('seed.yaml')}:9`)
    expect(config.source('httpClient.timeout.totalMs')).toBe('default')
  })
})

describe('the sections that the first document makes in code', () => {
  it('makes the pool sizes', () => {
    const http = httpClientConfig({ maxConnections: 100, maxKeepaliveConnections: 20, keepaliveExpiryMs: 30_000 })
    expect(http).toMatchObject({ maxConnections: 100, maxKeepaliveConnections: 20, keepaliveExpiryMs: 30_000 })
  })

  it('makes the settings for RabbitMQ', () => {
    const broker = messageBrokerConfig({
      prefetchCount: 10,
      confirmDelivery: true,
      connectionTimeoutMs: 10_000,
      heartbeatMs: 600_000,
    })
    expect(broker).toMatchObject({ prefetchCount: 10, confirmDelivery: true, connectionTimeoutMs: 10_000, heartbeatMs: 600_000 })
  })

  it('makes the settings for Kafka', () => {
    const broker = messageBrokerConfig({
      producerConfig: { batchSizeBytes: 16_384, lingerMs: 10, compressionType: 'snappy' },
      consumerConfig: { maxPollRecords: 500, fetchMinBytes: 1024 },
    })
    expect(broker.producerConfig).toEqual({ batchSizeBytes: 16_384, lingerMs: 10, compressionType: 'snappy' })
    expect(broker.consumerConfig).toEqual({ maxPollRecords: 500, fetchMinBytes: 1024 })
  })
})
