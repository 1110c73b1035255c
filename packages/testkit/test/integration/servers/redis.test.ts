import { startRedis } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { createClient, type RedisClientOptions } from 'redis'
import { expectToSurviveFaults } from '../../support/faults-a-server-survives.ts'

const LIMIT_MS = 120_000

async function withClient<Answer>(
  options: RedisClientOptions,
  use: (client: ReturnType<typeof createClient>) => Promise<Answer>,
): Promise<Answer> {
  const client = createClient({ ...options, socket: { ...options.socket, reconnectStrategy: false } } as RedisClientOptions)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await use(client as ReturnType<typeof createClient>)
  } finally {
    client.destroy()
  }
}

describe('startRedis', () => {
  it(
    'survives kill -9, a restart and a stop with its data',
    async () => {
      const server = await startRedis({ appendfsync: 'always' })
      expect(server).toMatchObject({ name: 'redis', urls: {}, tls: undefined })
      expect(server.version).toMatch(/^\d+\.\d+/)
      await expectToSurviveFaults(server, {
        write: ({ url }) => withClient({ url }, async (client) => void (await client.set('key', 'value'))),
        read: ({ url }) => withClient({ url }, (client) => client.get('key')),
      })
    },
    LIMIT_MS,
  )

  it(
    'takes a password and users, and refuses the rest',
    async () => {
      await using server = await startRedis({ password: 'p"w \\', acl: ['alice on >secret ~orders:* +@all'] })
      expect(await withClient({ url: server.url }, (client) => client.ping())).toBe('PONG')
      const alice = `redis://alice:secret@${server.host}:${server.port}`
      await expect(withClient({ url: alice }, (client) => client.get('other'))).rejects.toThrow(/NOPERM|No permissions/)
      await expect(withClient({ url: `redis://${server.host}:${server.port}` }, (client) => client.ping())).rejects.toThrow(
        'NOAUTH',
      )
    },
    LIMIT_MS,
  )

  it(
    'speaks TLS, and asks for a certificate where that is wanted',
    async () => {
      await using server = await startRedis({ tls: 'mutual' })
      const { ca, cert, key } = server.tls!
      const url = server.urls['tls']!
      expect(await withClient({ url, socket: { tls: true, ca, cert, key } }, (client) => client.ping())).toBe('PONG')
      await expect(withClient({ url, socket: { tls: true, ca } }, (client) => client.ping())).rejects.toThrow()
      await expect(withClient({ url, socket: { tls: true, cert, key } }, (client) => client.ping())).rejects.toThrow(
        'certificate',
      )
    },
    LIMIT_MS,
  )
})
