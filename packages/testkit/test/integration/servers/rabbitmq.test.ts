import { setTimeout as sleep } from 'node:timers/promises'
import { startRabbitMQ } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { type ChannelModel, connect } from 'amqplib'
import { expectToSurviveFaults } from '../../support/faults-a-server-survives.ts'

const LIMIT_MS = 180_000
/** RabbitMQ 3.10 answers before the name of a new queue is on disk. */
const ON_DISK_MS = 4000

async function withConnection<Answer>(
  url: string,
  use: (connection: ChannelModel) => Promise<Answer>,
  options: object = {},
): Promise<Answer> {
  const connection = await connect(url, options)
  connection.on('error', () => undefined)
  try {
    return await use(connection)
  } finally {
    await connection.close().catch(() => undefined)
  }
}

// One node for everything: it takes seconds to start.
describe('startRabbitMQ', () => {
  it(
    'has its users, virtual hosts and TLS, and survives kill -9, a restart and a stop with its data',
    async () => {
      const server = await startRabbitMQ({ users: { bob: 'p"w\\#' }, vhosts: ['other'], tls: 'mutual' })
      expect(server.version).toMatch(/^\d+\.\d+/)
      const bob = `bob:${encodeURIComponent('p"w\\#')}`
      const { ca, cert, key } = server.tls!
      const tlsUrl = `${server.urls['tls']!.replace('guest:guest', bob)}/other`
      await withConnection(tlsUrl, async (connection) => connection.createChannel(), { ca: [ca], cert, key })
      await expect(withConnection(tlsUrl, async () => 'in', { ca: [ca] })).rejects.toThrow()
      await expect(withConnection(server.url.replace('guest:guest', 'bob:wrong'), async () => 'in')).rejects.toThrow('ACCESS')
      await expect(withConnection(`${server.url}/missing`, async () => 'in')).rejects.toThrow('ConnectionClose')

      await expectToSurviveFaults(server, {
        write: async ({ url }) => {
          await withConnection(url, async (connection) => {
            const channel = await connection.createConfirmChannel()
            await channel.assertQueue('kept', { durable: true })
            channel.sendToQueue('kept', Buffer.from('value'), { persistent: true })
            await channel.waitForConfirms()
          })
          await sleep(ON_DISK_MS)
        },
        read: ({ url }) =>
          withConnection(url, async (connection) => {
            const channel = await connection.createChannel()
            return (await channel.checkQueue('kept')).messageCount
          }),
      })
    },
    LIMIT_MS,
  )
})
