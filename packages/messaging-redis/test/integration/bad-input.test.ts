import { constantBackoff } from '@comm/core'
import { topic } from '@comm/messaging'
import { RedisPubSubClient, RedisStreamsAdapter, RedisStreamsClient } from '@comm/messaging-redis'
import { RedisConnection, type RedisConnectionOptions } from '@comm/redis-stores'
import { handlerSpy } from '@comm/testkit'
import { ownProcessSources, startRedis } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'
import { z } from 'zod'

const PASSWORD = 'correct horse'
const acl = ['reader on >reader ~* &* +@read +@connection']
const server = await startRedis({ sources: ownProcessSources(), password: PASSWORD, acl, tls: true })
afterAll(() => server.close())
const { host, port } = server
const good = { host, port, password: PASSWORD }
const never = new AbortController().signal
const tlsPort = Number(new URL(String(server.urls['tls'])).port)

describe('connect', () => {
  it.each<[string, RedisConnectionOptions, string, RegExp]>([
    ['a port where nobody listens', { ...good, port: 1 }, 'COMM_CONNECTION', /^cannot connect to Redis at .*:1: .*ECONNREFUSED/],
    ['a host that is none', { ...good, host: 'no-such-host.invalid' }, 'COMM_CONNECTION', /no-such-host\.invalid/],
    ['a wrong password', { ...good, password: 'wrong' }, 'COMM_AUTHENTICATION', /Redis refused the login \(WRONGPASS\)/],
    ['no password', { host, port }, 'COMM_AUTHENTICATION', /Redis refused the login \(NOAUTH\)/],
    ['an unknown user', { ...good, username: 'nobody' }, 'COMM_AUTHENTICATION', /WRONGPASS/],
    ['a database that is not there', { ...good, database: 999 }, 'COMM_CONFIGURATION', /has no such database/],
    [
      'TLS with an authority that is not ours',
      { ...good, port: tlsPort, ssl: { enabled: true } },
      'COMM_CONNECTION',
      /TLS failed/,
    ],
    [
      'TLS to a port without',
      { ...good, ssl: { enabled: true }, connectionTimeoutMs: 1000 },
      'COMM_CONNECTION',
      /did not answer within|cannot connect/,
    ],
    [
      'no TLS to a port with',
      { ...good, port: tlsPort, connectionTimeoutMs: 1000 },
      'COMM_CONNECTION',
      /did not answer within|cannot connect/,
    ],
    [
      'a CA file that is not there',
      { ...good, ssl: { enabled: true, caFile: '/no/such.pem' } },
      'COMM_CONFIGURATION',
      /ssl\.caFile cannot be read: .*\/no\/such\.pem/,
    ],
    ['a login that the Sentinel needs too', { ...good, topology: 'sentinel' }, 'COMM_AUTHENTICATION', /Sentinel/],
    ['no Cluster', { ...good, topology: 'cluster' }, 'COMM_CONNECTION', /Cluster/],
  ])('%s', async (_, options, code, message) => {
    await using connection = new RedisConnection(options)
    const error = await connection.connect(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(JSON.stringify(error)).not.toContain(PASSWORD)
  })
})

describe('publish and subscribe', () => {
  it('a user that may only read', async () => {
    await using adapter = new RedisStreamsAdapter({ host, port, username: 'reader', password: 'reader' })
    await adapter.connect(never)
    const [result] = await adapter.publish([{ topic: 't', body: Buffer.from('x'), headers: {}, unroutable: 'ignore' }], never)
    expect(result).toMatchObject({ ok: false, stored: 'no', error: { code: 'COMM_AUTHORIZATION' } })
    const subscribing = adapter.subscribe({ topics: ['t'], group: 'g', maxUnsettled: 1, lanes: 'none' }, () => undefined)
    await expect(subscribing).rejects.toMatchObject({ code: 'COMM_AUTHORIZATION' })
  })

  it('a topic whose key holds something else, an oversized body, a forbidden name', async () => {
    await using adapter = new RedisStreamsAdapter({ ...good, maxBodyBytes: 100 })
    await adapter.connect(never)
    await using connection = new RedisConnection(good)
    await connection.connect(never)
    await connection.require('set a key').send('taken', ['SET', 'taken', 'text'])
    const record = { topic: 'taken', body: Buffer.from('x'), headers: {}, unroutable: 'ignore' } as const
    const large = { ...record, topic: 'large', body: Buffer.alloc(101) }
    const results = await adapter.publish([record, large, { ...record, topic: '{x}' }], never)
    expect(results).toMatchObject([
      {
        ok: false,
        stored: 'no',
        error: { retryable: false, message: expect.stringContaining('a key of that name holds something else') },
      },
      {
        ok: false,
        stored: 'no',
        error: { retryable: false, message: expect.stringContaining('101 bytes, Redis takes 100 (maxBodyBytes)') },
      },
      { ok: false, stored: 'no', error: { retryable: false, message: expect.stringContaining("topic '{x}' must be") } },
    ])
    const subscribing = adapter.subscribe({ topics: ['taken'], group: 'g', maxUnsettled: 1, lanes: 'none' }, () => undefined)
    await expect(subscribing).rejects.toMatchObject({ message: expect.stringContaining('holds something else') })
  })

  it('a pattern', async () => {
    await using adapter = new RedisStreamsAdapter(good)
    await adapter.connect(never)
    const request = { topics: ['a.*'], pattern: true, maxUnsettled: 1, lanes: 'none' } as const
    await expect(adapter.subscribe(request, () => undefined)).rejects.toMatchObject({ code: 'COMM_UNSUPPORTED' })
  })
})

describe('what users do wrong', () => {
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  const order = topic('bad.order', z.object({ id: z.number() }))
  const never = (): void => undefined
  type Client = RedisStreamsClient | RedisPubSubClient
  const clients: [string, (more?: object) => Client][] = [
    ['RedisStreamsClient', (more) => new RedisStreamsClient({ ...good, ...more })],
    ['RedisPubSubClient', (more) => new RedisPubSubClient({ ...good, ...more })],
  ]
  const wrongs: [string, (client: Client) => Promise<unknown>, object][] = [
    ['a topic that nobody takes', (client) => client.publish('bad.nobody', 1), { code: 'COMM_UNROUTABLE', stored: 'no' }],
    ['a forbidden topic name', (client) => client.publish('bad {topic}', 1), { code: 'COMM_CONFIGURATION' }],
    ['a forbidden name to subscribe to', (client) => client.subscribe('bad {topic}', never), { code: 'COMM_CONFIGURATION' }],
    ['a payload that has no JSON form', (client) => client.publish('bad', circular), { code: 'COMM_VALIDATION' }],
    ['a function as payload', (client) => client.publish('bad', never), { code: 'COMM_VALIDATION' }],
    [
      'a payload without codec',
      (client) => client.publish('bad', 1, { contentType: 'application/avro' }),
      { code: 'COMM_VALIDATION' },
    ],
    [
      'a payload that does not match its schema',
      (client) => client.publish(order, { id: 'x' } as never),
      { code: 'COMM_VALIDATION' },
    ],
    [
      'a header that is no text',
      (client) => client.publish('bad', 1, { headers: { n: 7 } as never }),
      { code: 'COMM_CONFIGURATION' },
    ],
    ['a header of ours', (client) => client.publish('bad', 1, { headers: { ce_id: '7' } }), { code: 'COMM_CONFIGURATION' }],
    ['an oversized payload', (client) => client.publish('bad', 'x'.repeat(2000)), { code: 'COMM_PUBLISH', retryable: false }],
  ]
  for (const [name, make] of clients) {
    it.each(wrongs)(`${name}: %s`, async (_, act, error) => {
      await using client = make({ maxBodyBytes: 1000 })
      await expect(act(client)).rejects.toMatchObject(error)
    })

    it(`${name}: a refused login`, async () => {
      await using client = make({ password: 'wrong' })
      await expect(client.start()).rejects.toMatchObject({ code: 'COMM_AUTHENTICATION' })
      expect((await client.health()).status).toBe('down')
    })

    it(`${name}: a handler that throws what is no error`, async () => {
      await using client = make()
      const spy = handlerSpy<[body: unknown]>().fails(1, 'text').fails(1, null)
      await client.subscribe('bad.thrown', spy, { retry: { backoff: constantBackoff({ baseMs: 1 }) } })
      await client.publish('bad.thrown', 1)
      await spy.called(3)
    })
  }

  it('a delayed message over Pub/Sub, a group, a responder', async () => {
    await using client = new RedisPubSubClient(good)
    const unsupported = { code: 'COMM_UNSUPPORTED' }
    await expect(client.publish('bad', 1, { delayMs: 1000 })).rejects.toMatchObject(unsupported)
    await expect(client.subscribe('bad', never, { group: 'g' })).rejects.toMatchObject(unsupported)
    await expect(client.respond('bad', never)).rejects.toMatchObject(unsupported)
  })
})
