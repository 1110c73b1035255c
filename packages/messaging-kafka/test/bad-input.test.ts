import { ConfigurationError } from '@comm/core'
import { KafkaAdapter, KafkaClient } from '@comm/messaging-kafka'
import { describe, expect, it } from '@jest/globals'

// Every value here is of a wrong type on purpose: what a JavaScript caller, or a configuration, may hand over.
type Wrong = never
const wrong = (value: unknown): Wrong => value as Wrong

describe('options of the client', () => {
  it.each<[string, object, string]>([
    ['a port', { port: 70_000 }, 'kafka.port must be an integer >= 1 and <= 65535, got 70000'],
    [
      'a URL as host',
      { host: 'kafka://me:secret@localhost' },
      "kafka.host must be a host name or an address, without scheme, port and credentials, got 'kafka://[redacted]@localhost'",
    ],
    [
      'one of several hosts',
      { hosts: ['one:9092', 'two:x'] },
      "kafka.hosts must be an array, each item 'host' or 'host:port', got an array of 2",
    ],
    ['a password that is no text', { username: 'me', password: 7 }, 'kafka.password must be a string, got [redacted]'],
    [
      'a mechanism',
      { username: 'me', saslMechanism: 'gssapi' },
      "kafka.saslMechanism must be one of 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', got 'gssapi'",
    ],
    [
      'a mechanism without a user name',
      { saslMechanism: 'scram-sha-256' },
      "kafka.username must be given with saslMechanism 'scram-sha-256', got nothing",
    ],
    [
      'bearer tokens without a token',
      { saslMechanism: 'oauthbearer' },
      "kafka.oauthToken must be given with saslMechanism 'oauthbearer', and only then",
    ],
    ['a TLS option', { ssl: { caFile: 7 } }, 'kafka.ssl.caFile must be a non-empty string, got 7'],
    ['partitions', { partitions: 0 }, 'kafka.partitions must be an integer >= 1, got 0'],
    ['a group id that is no function', { groupId: 'mine' }, "kafka.groupId must be a function, got 'mine'"],
    [
      'compression',
      { producerConfig: { compressionType: 'brotli' } },
      "kafka.producerConfig.compressionType must be one of 'none', 'gzip', 'snappy', 'lz4', 'zstd', got 'brotli'",
    ],
    ['acks', { producerConfig: { acks: 2 } }, "kafka.producerConfig.acks must be one of 'all', '1', '0', got 2"],
    [
      'lingerMs',
      { producerConfig: { lingerMs: '10ms' } },
      "kafka.producerConfig.lingerMs must be a finite number >= 0, got '10ms'",
    ],
    [
      'a heartbeat that comes too late',
      { consumerConfig: { heartbeatIntervalMs: 10_000 } },
      'kafka.consumerConfig.heartbeatIntervalMs must be less than sessionTimeoutMs',
    ],
    ['an option of the message client', { closeTimeoutMs: -1 }, 'kafka.closeTimeoutMs must be a finite number >= 0, got -1'],
  ])('%s', (_, options, message) => {
    expect(() => new KafkaClient(wrong(options))).toThrow(ConfigurationError)
    expect(() => new KafkaClient(wrong(options))).toThrow(message)
  })

  it('refuses what it does not know, and says what it does', () => {
    expect(() => new KafkaClient(wrong({ brokers: ['one'] }))).toThrow(
      /^kafka\.brokers is an unknown option, known are name, .*hosts/,
    )
    expect(() => new KafkaAdapter(wrong({ producerConfig: { linger: 5 } }))).toThrow(
      /^kafka\.producerConfig\.linger is an unknown option/,
    )
  })

  it('takes the configuration section that all brokers share, as the manager passes it', () => {
    const section = {
      host: 'localhost',
      hosts: [],
      username: 'me',
      password: 'secret',
      saslMechanism: 'scram-sha-512' as const,
      ssl: { enabled: false },
      prefetchCount: 10,
      confirmDelivery: true,
      connectionTimeoutMs: 10_000,
      heartbeatMs: 5000,
      producerConfig: {
        batchSizeBytes: 16_384,
        lingerMs: 10,
        compressionType: 'snappy' as const,
        acks: 'all' as const,
        requestTimeoutMs: 5000,
      },
      consumerConfig: {
        groupId: 'orders',
        maxPollRecords: 500,
        fetchMinBytes: 1024,
        fetchMaxBytes: 1_000_000,
        fetchMaxWaitMs: 500,
        sessionTimeoutMs: 10_000,
        heartbeatIntervalMs: 3000,
        autoOffsetReset: 'earliest' as const,
      },
    }
    expect(() => new KafkaClient({ ...section, name: 'messaging', source: '/orders' })).not.toThrow()
  })
})
