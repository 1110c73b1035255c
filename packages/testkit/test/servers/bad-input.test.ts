import { startFaultProxy } from '@comm/testkit/fault-proxy'
import {
  startConsul,
  startEtcd,
  startKafka,
  startRabbitMQ,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@comm/testkit/servers'
import { expect, it } from '@jest/globals'
import { sourcesFromEnvironment } from '../../src/servers/find/sources.ts'

const wrong: readonly (readonly [string, (options: never) => unknown, unknown, string])[] = [
  [
    'startRedis',
    startRedis,
    { appendOnly: true },
    'redis.appendOnly is an unknown option, known are sources, appendonly, appendfsync, password, acl, tls',
  ],
  ['startRedis', startRedis, { password: '' }, 'redis.password must be a non-empty string, got [redacted]'],
  ['startRedis', startRedis, { tls: 'both' }, "redis.tls must be one of true, false, 'mutual', got 'both'"],
  [
    'startRedis',
    startRedis,
    { sources: ['podman'] },
    "redis.sources must be an array, each item one of 'environment', 'docker', 'local', 'debian12', 'debian13', got an array of 1",
  ],
  ['startRedisCluster', startRedisCluster, { masters: 2 }, 'redisCluster.masters must be an integer >= 3, got 2'],
  ['startRedisSentinel', startRedisSentinel, { replicas: 0 }, 'redisSentinel.replicas must be an integer >= 1, got 0'],
  [
    'startRabbitMQ',
    startRabbitMQ,
    { vhosts: 'other' },
    "rabbitmq.vhosts must be an array, each item a non-empty string, got 'other'",
  ],
  ['startRabbitMQ', startRabbitMQ, { users: ['bob'] }, 'rabbitmq.users must be an object, got [redacted]'],
  ['startKafka', startKafka, { config: 'a=b' }, "kafka.config must be an object, got 'a=b'"],
  ['startConsul', startConsul, { tls: 'both' }, "consul.tls must be one of true, false, 'mutual', got 'both'"],
  ['startEtcd', startEtcd, { tls: true }, 'etcd.tls is an unknown option, known are sources'],
  ['startFaultProxy', startFaultProxy, {}, 'faultProxy.target must be an object, got nothing'],
  [
    'startFaultProxy',
    startFaultProxy,
    { target: { host: 'x', port: 0 } },
    'faultProxy.target.port must be an integer >= 1 and <= 65535, got 0',
  ],
]

it.each(wrong)('%s(%p)', async (_, start, options, message) => {
  await expect((async () => start(options as never))()).rejects.toMatchObject({ code: 'COMM_CONFIGURATION', message })
})

it('COMM_TEST_SERVERS with a word that is no source', () => {
  expect(() => sourcesFromEnvironment('local, podman')).toThrow(
    'COMM_TEST_SERVERS must be a list of environment, docker, local, debian12, debian13, got "podman"',
  )
})

it('a fault that is no fault', async () => {
  await using proxy = await startFaultProxy({ target: { host: '127.0.0.1', port: 1 } })
  expect(() => proxy.delay(-1)).toThrow('ms must be a finite number >= 0, got -1')
  expect(() => proxy.throttle(0)).toThrow('bytesPerSecond must be a finite number >= 1, got 0')
})

it.each([
  ['COMM_TEST_REDIS_URL', startRedis, 'redis://:hunter2@:bad', 'COMM_TEST_REDIS_URL must be the address of Redis'],
  ['COMM_TEST_KAFKA_BROKERS', startKafka, 'localhost', 'COMM_TEST_KAFKA_BROKERS must be the address of Kafka, got "localhost"'],
] as const)('%s that is no address', async (variable, start, value, message) => {
  process.env[variable] = value
  try {
    const failed = await (start as () => Promise<unknown>)().catch((error: Error) => error)
    expect(failed).toMatchObject({ code: 'COMM_CONFIGURATION', message: expect.stringContaining(message) })
    expect((failed as Error).message).not.toContain('hunter2')
  } finally {
    delete process.env[variable]
  }
})
