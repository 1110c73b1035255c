import { ConfigurationError } from '@comm/core'
import { RabbitMQAdapter, RabbitMQClient } from '@comm/messaging-rabbit'
import { describe, expect, it } from '@jest/globals'

// Every value here is of a wrong type on purpose: what a JavaScript caller, or a configuration, may hand over.
type Wrong = never
const wrong = (value: unknown): Wrong => value as Wrong

const URL = 'a URL such as amqp://user:password@host:5672/vhost or amqps://…'

describe('options of the client', () => {
  it.each<[string, object, string]>([
    ['a URL of something else', { url: 'http://guest:secret@localhost' }, `rabbitmq.url must be ${URL}, got [redacted]`],
    [
      'a URL with a password that is not encoded',
      { url: 'amqp://guest:se%cret@localhost' },
      `rabbitmq.url must be ${URL}, got [redacted]`,
    ],
    [
      'a URL as host',
      { host: 'amqp://guest:secret@localhost' },
      "rabbitmq.host must be a host name or an address, without scheme, port and credentials, got 'amqp://[redacted]@localhost'",
    ],
    ['a URL that is none', { url: 'localhost' }, `rabbitmq.url must be ${URL}, got [redacted]`],
    ['a port', { port: 70_000 }, 'rabbitmq.port must be an integer >= 1 and <= 65535, got 70000'],
    [
      'one of several hosts',
      { hosts: ['one:5672', 'two:x'] },
      "rabbitmq.hosts must be an array, each item 'host' or 'host:port', got an array of 2",
    ],
    ['a password that is no text', { password: 7 }, 'rabbitmq.password must be a string, got [redacted]'],
    ['prefetchCount', { prefetchCount: 0 }, 'rabbitmq.prefetchCount must be an integer >= 1 and <= 65535, got 0'],
    ['confirmDelivery', { confirmDelivery: 'yes' }, "rabbitmq.confirmDelivery must be true or false, got 'yes'"],
    ['heartbeatMs', { heartbeatMs: '5s' }, "rabbitmq.heartbeatMs must be a finite number >= 0, got '5s'"],
    [
      'an exchange of the broker',
      { exchange: 'amq.topic' },
      "rabbitmq.exchange must be a name of letters, digits, _, -, . and : that does not begin with amq., at most 200 characters, got 'amq.topic'",
    ],
    ['queueType', { queueType: 'stream' }, "rabbitmq.queueType must be one of 'quorum', 'classic', got 'stream'"],
    [
      'priorities of a quorum queue',
      { maxPriority: 5 },
      "rabbitmq.maxPriority must be absent with queueType 'quorum': only classic queues have priorities, got 5",
    ],
    ['a TLS option', { ssl: { caFile: 7 } }, 'rabbitmq.ssl.caFile must be a non-empty string, got 7'],
    [
      'an exchange of the topology',
      { topology: { exchanges: [{ name: 'a', type: 'fan' }] } },
      "rabbitmq.topology.exchanges[0].type must be one of 'topic', 'direct', 'fanout', 'headers', got 'fan'",
    ],
    [
      'a queue of the topology without a name',
      { topology: { queues: [{ type: 'classic' }] } },
      'rabbitmq.topology.queues[0].name must be a non-empty string, got nothing',
    ],
    [
      'priorities of a quorum queue in the topology',
      { topology: { queues: [{ name: 'a', maxPriority: 3 }] } },
      "rabbitmq.topology.queues[0].maxPriority must be absent: only queues of type 'classic' have priorities, got 3",
    ],
    [
      'a binding of the topology to both',
      { topology: { bindings: [{ source: 'a', queue: 'b', exchange: 'c' }] } },
      'rabbitmq.topology.bindings[0] must be to a queue or to an exchange, one of both, got an object with keys source, queue, exchange',
    ],
    ['an option of the message client', { closeTimeoutMs: -1 }, 'rabbitmq.closeTimeoutMs must be a finite number >= 0, got -1'],
  ])('%s', (_, options, message) => {
    expect(() => new RabbitMQClient(wrong(options))).toThrow(ConfigurationError)
    expect(() => new RabbitMQClient(wrong(options))).toThrow(message)
  })

  it('refuses what it does not know, and says what it does', () => {
    expect(() => new RabbitMQClient(wrong({ prefechCount: 5 }))).toThrow(
      /^rabbitmq\.prefechCount is an unknown option, known are name, source, group, .*url, host, port, hosts, .*prefetchCount/,
    )
    expect(() => new RabbitMQAdapter(wrong({ name: 'x' }))).toThrow(/^rabbitmq\.name is an unknown option/)
  })

  it('names every problem at once', () => {
    expect(() => new RabbitMQAdapter(wrong({ port: 0, exchange: '' }))).toThrow('2 options of rabbitmq are wrong:')
  })

  it('takes the configuration section that all brokers share, as the manager passes it on', () => {
    const section = {
      host: 'localhost',
      hosts: [],
      ssl: { enabled: false },
      prefetchCount: 10,
      confirmDelivery: true,
      connectionTimeoutMs: 10_000,
      heartbeatMs: 5000,
    }
    expect(() => new RabbitMQClient({ ...section, name: 'messaging', group: 'orders', source: '/orders' })).not.toThrow()
  })
})
