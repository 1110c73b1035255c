import { createHmac } from 'node:crypto'
import { KafkaAdapter, type KafkaAdapterOptions } from '@comm/messaging-kafka'
import { brokerContract } from '@comm/testkit'
import { startKafka } from '@comm/testkit/servers'
import { afterAll, describe, expect, it } from '@jest/globals'

const PASSWORD = 'top-secret'
const server = await startKafka({ users: { app: PASSWORD }, tls: 'mutual' })
afterAll(() => server.close())
const never = new AbortController().signal
const { ca = '', cert = '', key = '' } = server.tls ?? {}
const ssl = { ca, cert, key }
const at = (listener: string): KafkaAdapterOptions => ({ hosts: [String(server.urls[listener])], partitions: 2 })
const login = { username: 'app', password: PASSWORD }

const WAYS: Readonly<Record<string, KafkaAdapterOptions>> = {
  'mutual TLS': { ...at('tls'), ssl },
  'SASL PLAIN': { ...at('sasl'), ...login },
  'SCRAM-SHA-256 over TLS': { ...at('saslTls'), ssl, ...login, saslMechanism: 'scram-sha-256' },
}

for (const [name, options] of Object.entries(WAYS)) {
  const createAdapter = (): KafkaAdapter => new KafkaAdapter(options)
  brokerContract({ describe, it, afterAll }, { name: `Kafka, ${name}`, features: createAdapter().features, createAdapter })
}

/** A token that Kafka's unsecured login takes: without a signature. */
function token(): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (data: object): string => Buffer.from(JSON.stringify(data)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: 'app', iat: now, exp: now + 3600, jti: createHmac('sha1', 'x').digest('hex') })}.`
}

describe('logging in', () => {
  it.each<[string, KafkaAdapterOptions]>([
    ['SCRAM-SHA-512', { ...login, saslMechanism: 'scram-sha-512' }],
    ['a bearer token', { saslMechanism: 'oauthbearer', oauthToken: token }],
  ])('by %s', async (_, options) => {
    await using adapter = new KafkaAdapter({ ...at('sasl'), ...options })
    await adapter.connect(never)
    expect((await adapter.health()).status).toBe('up')
  })

  it.each<[string, KafkaAdapterOptions]>([
    ['PLAIN', {}],
    ['SCRAM-SHA-256', { saslMechanism: 'scram-sha-256' }],
    ['SCRAM-SHA-512', { saslMechanism: 'scram-sha-512' }],
  ])('with a wrong password by %s is refused', async (_, options) => {
    await using adapter = new KafkaAdapter({ ...at('sasl'), username: 'app', password: 'wrong-secret', ...options })
    const error = await adapter.connect(never).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'COMM_AUTHENTICATION',
      retryable: false,
      message: expect.stringContaining('saslMechanism'),
    })
    expect(String(error)).not.toContain('wrong-secret')
  })

  it('with a token that is none is refused', async () => {
    await using adapter = new KafkaAdapter({ ...at('sasl'), saslMechanism: 'oauthbearer', oauthToken: () => 'no.token.' })
    await expect(adapter.connect(never)).rejects.toMatchObject({ code: 'COMM_AUTHENTICATION' })
  })

  it('without a certificate, or at a server that nobody vouches for, is refused', async () => {
    await using nameless = new KafkaAdapter({ ...at('tls'), ssl: { ca } })
    await expect(nameless.connect(never)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
    await using stranger = new KafkaAdapter({ ...at('tls'), ssl: {} })
    await expect(stranger.connect(never)).rejects.toMatchObject({
      code: 'COMM_CONNECTION',
      message: expect.stringMatching(/certificate/),
    })
  })
})
