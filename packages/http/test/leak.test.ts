import { getEventListeners } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { constantBackoff } from '@comm/core'
import { EnhancedHttpClient, gotTransport } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { describe, expect, it } from '@jest/globals'
import { localServer, until } from './support/local-server.ts'

/** The long form: `COMM_TEST_LEAK_REQUESTS=100000`. */
const REQUESTS = Number(process.env['COMM_TEST_LEAK_REQUESTS'] ?? 3000)
const AT_ONCE = 50
/** What remains of warming up: compiled code, the tables of two libraries. A leak of 200 bytes a request is more in the long form. */
const GROWTH_BYTES = 8 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** One in twenty breaks off, is late, is unwell, or lies about its length. */
function misbehave(turn: number, request: IncomingMessage, response: ServerResponse): void {
  switch (turn % 100) {
    case 7:
      return void request.socket.resetAndDestroy()
    case 27:
      return void response.writeHead(200, { 'content-length': 100 }).write('half', () => request.socket.resetAndDestroy())
    case 47:
      return void response.writeHead(503).end('busy')
    case 67:
      return // The attempt runs out of time.
    case 87:
      return void response.writeHead(404).end('no')
    default:
      response.end('ok')
  }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

function heapBytes(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** Of a server, once those that were cut have been noticed. */
async function connectionsOf(server: Server): Promise<number> {
  const count = (): Promise<number> =>
    new Promise((resolve, reject) => server.getConnections((error, open) => (error ? reject(error) : resolve(open))))
  for (;;) {
    const open = await count()
    if (open === 0) return open
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('many requests over %s', (_library, make) => {
  it(
    `to a server that misbehaves, on one signal, leave nothing behind (${REQUESTS})`,
    async () => {
      let turn = 0
      await using server = await localServer((request, response) => misbehave(turn++, request, response))
      const timersBefore = timers()
      const { signal } = new AbortController()
      const transport = make()
      const client = new EnhancedHttpClient({
        baseUrl: server.url,
        transport,
        retry: { maxRetries: 2, backoff: constantBackoff({ baseMs: 1 }) },
        timeout: { attemptMs: 1000 },
        circuitBreaker: { failureRatio: 1, minimumCalls: 1000, window: { calls: 1000 } },
      })
      // Loads the library, which a busy machine takes its time for.
      await client.get('/', { timeout: { attemptMs: 60_000 } })
      let left = 0
      const outcomes = { answered: 0, failed: 0 }
      let mostListeners = 0
      const caller = async (): Promise<void> => {
        while (left-- > 0) {
          // Every eighth is a stream, every ninth a POST that is not tried again.
          const call = left % 8 === 0 ? stream() : client.request(left % 9 === 0 ? 'POST' : 'GET', `/${left % 3}`, { signal })
          const succeeded = await call.then(
            () => true,
            () => false,
          )
          outcomes[succeeded ? 'answered' : 'failed']++
          if (left % 97 === 0) mostListeners = Math.max(mostListeners, getEventListeners(signal, 'abort').length)
        }
      }
      const stream = async (): Promise<void> => {
        await using answer = await client.stream('GET', '/stream', { signal, cache: false })
        for await (const _chunk of answer.body);
      }
      const run = async (count: number): Promise<void> => {
        left = count
        await Promise.all(Array.from({ length: AT_ONCE }, caller))
      }
      await run(Math.max(1000, REQUESTS / 10))
      const before = heapBytes()
      await run(REQUESTS)
      const growth = heapBytes() - before
      const listeners = getEventListeners(signal, 'abort').length
      await client.close()
      await transport[Symbol.asyncDispose]()
      await until(() => timers() <= timersBefore && transport.stats().open === 0)
      expect(await connectionsOf(server.server)).toBe(0)
      const figures = { ...outcomes, growthKilobytes: Math.round(growth / 1024), mostListeners, listeners, ...transport.stats() }
      if (process.env['COMM_TEST_LEAK_REQUESTS'] !== undefined)
        process.stdout.write(`${transport.name}: ${JSON.stringify(figures)}\n`)
      expect(figures).toMatchObject({ listeners: 0, open: 0, idle: 0, pending: 0 })
      // Each call under way has a few: the pipeline's, the exchange's, that of a stream.
      expect(mostListeners).toBeLessThanOrEqual(AT_ONCE * 4)
      expect(outcomes.failed).toBeGreaterThan(0)
      expect(outcomes.answered).toBeGreaterThan(outcomes.failed)
      expect(growth).toBeLessThan(GROWTH_BYTES)
    },
    Math.max(120_000, REQUESTS * 20),
  )
})
