import { startKafka, type TestServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { type Admin, Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { expectToSurviveFaults } from '../../support/faults-a-server-survives.ts'

const LIMIT_MS = 180_000

async function withAdmin<Answer>(broker: string, use: (admin: Admin) => Promise<Answer>, more: Partial<KafkaConfig> = {}) {
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING, retry: { retries: 0 }, ...more })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

const brokersAt = (broker: string, more: Partial<KafkaConfig>) =>
  withAdmin(broker, async (admin) => (await admin.describeCluster()).brokers.length, more)

/** A token that nobody signed, as the broker's own test handler takes it. */
async function unsignedToken(): Promise<{ value: string }> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  return { value: `${part({ alg: 'none' })}.${part({ sub: 'alice', iat: now, exp: now + 600 })}.` }
}

// One broker for everything: it takes seconds to start.
describe('startKafka', () => {
  it(
    'takes every login, speaks TLS, and survives kill -9, a restart and a stop with its data',
    async () => {
      const password = 's"e\\cret'
      const server = await startKafka({ users: { alice: password }, tls: true })
      const { sasl = '', tls = '', saslTls = '' } = server.urls
      const ssl = { ca: [server.tls!.ca] }
      const login = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', secret = password) =>
        ({ sasl: { mechanism, username: 'alice', password: secret } }) as Partial<KafkaConfig>
      expect(await brokersAt(tls, { ssl })).toBe(1)
      expect(await brokersAt(sasl, login('plain'))).toBe(1)
      expect(await brokersAt(sasl, login('scram-sha-256'))).toBe(1)
      expect(await brokersAt(saslTls, { ssl, ...login('scram-sha-512') })).toBe(1)
      expect(await brokersAt(sasl, { sasl: { mechanism: 'oauthbearer', oauthBearerProvider: unsignedToken } })).toBe(1)
      await expect(brokersAt(sasl, login('plain', 'wrong'))).rejects.toThrow('Authentication failed')
      await expect(brokersAt(sasl, login('scram-sha-256', 'wrong'))).rejects.toThrow('SCRAM-SHA-256')

      await expectToSurviveFaults(server, { write: sendOne, read: endOffset })
    },
    LIMIT_MS,
  )
})

async function sendOne({ url }: TestServer): Promise<void> {
  await withAdmin(url, (admin) => admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] }))
  const producer = new Kafka({ brokers: [url], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'value' }] })
  await producer.disconnect()
}

async function endOffset({ url }: TestServer): Promise<string | undefined> {
  return withAdmin(url, async (admin) => (await admin.fetchTopicOffsets('kept'))[0]?.high)
}
