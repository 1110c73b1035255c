import { once } from 'node:events'
import { createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { constantBackoff, silentLogger, systemClock } from '@comm/core'
import { describe, expect, it } from '@jest/globals'
import { Connection } from '../src/connection.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const TRIES = 400
const MIB = 1024 * 1024

describe('a broker that stays away', () => {
  it('costs no memory for each try', async () => {
    let tries = 0
    const enough = Promise.withResolvers<void>()
    const server = createServer((client) => {
      client.on('error', () => {})
      client.destroy()
      if (++tries === TRIES) enough.resolve()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { readonly port: number }
    const connection = new Connection({
      purpose: 'testing',
      options: {
        servers: Array.from({ length: 2 * TRIES }, () => ({ host: '127.0.0.1', port })),
        virtualHost: '/',
        username: 'guest',
        password: 'guest',
        clientId: 'test',
        isTls: false,
        ssl: { enabled: false },
        heartbeatMs: 5000,
        connectionTimeoutMs: 10_000,
        reconnect: constantBackoff({ baseMs: 1 }),
        logger: silentLogger,
        clock: systemClock,
        random: Math.random,
      },
      onUp: async () => {},
      onReady: () => {},
      onDown: () => {},
    })
    collect()
    const before = process.memoryUsage().arrayBuffers
    const connecting = connection.connect(new AbortController().signal)
    connecting.catch(() => {})
    await enough.promise
    collect()
    const after = process.memoryUsage().arrayBuffers
    await connection.close()
    server.close()
    await expect(connecting).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    expect(after - before).toBeLessThan(2 * MIB)
  }, 30_000)
})
