import { RedisStreamsAdapter } from '@comm/messaging-redis'
import { RedisConnection, type RedisConnectionOptions } from '@comm/redis-stores'
import { ownProcessSources, startRedis } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

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
