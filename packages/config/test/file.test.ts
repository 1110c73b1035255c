import { CommunicationConfig } from '@comm/config'
import { describe, expect, it } from '@jest/globals'
import { fileWith } from './helpers.ts'

const load = (yaml: string, name?: string): CommunicationConfig => CommunicationConfig.fromFile(fileWith(yaml, name))

describe('a file', () => {
  it('may be JSON, indented with tabs', () => {
    const config = load(
      '{\n\t"communication": {\n\t\t"httpClient": { "timeout": 5, "baseUrl": "http:\\/\\/x" }\n\t}\n}',
      'c.json',
    )
    expect(config.httpClient.timeout.totalMs).toBe(5000)
    expect(config.httpClient.baseUrl).toBe('http://x')
  })

  it.each(['', '# nothing yet\n', 'communication:\n', 'communication: {}\n'])('may be empty: %j', (yaml) => {
    expect(load(yaml).toJSON()).toEqual(CommunicationConfig.from({}).toJSON())
  })

  it('may hold what is the application’s own beside the root key', () => {
    expect(load('database: { url: x }\ncommunication: { service_name: orders }').serviceName).toBe('orders')
  })

  it('may share parts through anchors and merges, whose values keep their line', () => {
    const config = load(
      [
        'defaults: &shared',
        '  timeout: 5',
        '  max_retries: 1',
        'communication:',
        '  http_clients:',
        '    billing:',
        '      <<: *shared',
        '      base_url: http://billing',
        '    users: *shared',
      ].join('\n'),
    )
    expect(config.httpClients.billing).toMatchObject({
      baseUrl: 'http://billing',
      timeout: { totalMs: 5000 },
      retry: { maxRetries: 1 },
    })
    expect(config.httpClients.users).toMatchObject({ timeout: { totalMs: 5000 } })
    expect(config.source('httpClients.billing.baseUrl')).toMatch(/:8$/)
    expect(config.source('httpClients.users.timeout.totalMs')).toMatch(/:2$/)
  })

  it('sets nothing where it says null', () => {
    const config = load('message_broker:\n  password:\n  type: ~\nhttp_client:\n')
    expect(config.source('messageBroker.type')).toBe('default')
    expect(config.messageBroker).not.toHaveProperty('password')
  })

  it('cannot reach a prototype', () => {
    const config = load('http_client: { headers: { __proto__: x, constructor: y } }')
    expect(Object.keys(config.httpClient.headers)).toEqual(['__proto__', 'constructor'])
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })
})

describe('spellings', () => {
  it.each([
    'http_client: { timeout: 5 }',
    'httpClient: { timeout: 5 }',
    'http_client: { timeout: 5s }',
    'http_client: { timeout: "5000ms" }',
    'http_client: { timeout_ms: 5000 }',
    'http_client: { timeoutMs: 5000 }',
    'http_client: { timeout: { total: 5 } }',
    'http_client: { timeout: { total_ms: 5000 } }',
    'httpClient: { timeout: { totalMs: 5000 } }',
    'http_client: { timeout_total: 5 }',
    'http_client_timeout: 5',
  ])('%s', (yaml) => {
    expect(load(yaml).httpClient.timeout).toEqual({
      connectionMs: 10_000,
      readMs: 30_000,
      writeMs: 30_000,
      attemptMs: 10_000,
      totalMs: 5000,
    })
  })

  it.each(['cache: false', 'cache: { enabled: false }', 'cache_enabled: false', 'cacheEnabled: no'])('%s', (yaml) => {
    expect(load(`http_client: { ${yaml} }`).httpClient.cache.enabled).toBe(false)
  })

  it.each(['ssl: true', 'ssl_enabled: true', 'ssl: { enabled: true }'])('%s', (yaml) => {
    expect(load(`message_broker: { ${yaml} }`).messageBroker.ssl.enabled).toBe(true)
  })

  it('reads the Kafka settings in Kafka’s own words', () => {
    const { messageBroker } = load(
      [
        'message_broker:',
        '  type: kafka',
        '  heartbeat: 600',
        '  producer_config: { batch_size: 16384, linger_ms: 10, compression_type: snappy, acks: 1 }',
        '  consumer_config: { max_poll_records: 500, fetch_min_bytes: 1024, session_timeout_ms: 6000 }',
      ].join('\n'),
    )
    expect(messageBroker.heartbeatMs).toBe(600_000)
    expect(messageBroker.producerConfig).toEqual({ batchSizeBytes: 16_384, lingerMs: 10, compressionType: 'snappy', acks: '1' })
    expect(messageBroker.consumerConfig).toEqual({ maxPollRecords: 500, fetchMinBytes: 1024, sessionTimeoutMs: 6000 })
  })
})
