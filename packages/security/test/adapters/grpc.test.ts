import { currentPrincipal } from '@comm/core'
import { grpcAuth } from '@comm/security/grpc'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type Channel, ClientError, createChannel, createClient, createServer, Metadata, type Server } from 'nice-grpc'
import { keptLog, securityLines } from '../support/audit.ts'
import { token } from '../support/tokens.ts'
import { CASES, ordersGate } from './cases.ts'

const json = {
  requestSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as { readonly id: number },
  responseSerialize: (value: unknown) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as { readonly by: string | undefined },
}
const ORDERS = {
  get: { path: '/shop.Orders/Get', requestStream: false, responseStream: false, ...json },
  watch: { path: '/shop.Orders/Watch', requestStream: false, responseStream: true, ...json },
  send: { path: '/shop.Orders/Send', requestStream: true, responseStream: true, ...json },
  health: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...json },
} as const

let server: Server | undefined
let channel: Channel | undefined
afterEach(async () => {
  channel?.close()
  await server?.shutdown()
})

async function setUp() {
  const log = keptLog()
  const seen: unknown[] = []
  const who = (): { by: string | undefined } => {
    seen.push(currentPrincipal()?.subject)
    return { by: currentPrincipal()?.subject }
  }
  server = createServer().use(grpcAuth(ordersGate(log.logger), { isPublic: (path) => path.startsWith('/grpc.health.') }))
  server.add(ORDERS, {
    async get() {
      await new Promise(setImmediate)
      return who()
    },
    async *watch() {
      for (let at = 0; at < 3; at++) {
        await new Promise(setImmediate)
        yield who()
      }
    },
    async *send(requests: AsyncIterable<{ readonly id: number }>) {
      for await (const _request of requests) yield who()
    },
    async health() {
      return who()
    },
  } as never)
  channel = createChannel(`127.0.0.1:${await server.listen('127.0.0.1:0')}`)
  const client = createClient(ORDERS as never, channel) as Readonly<
    Record<'get' | 'watch' | 'send' | 'health', (...call: unknown[]) => unknown>
  >
  const options = (credential: string | undefined) => ({
    metadata: Metadata(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
  })
  const get = (credential: string | undefined) => client.get({ id: 7 }, options(credential)) as Promise<{ by: string }>
  return { client, get, options, seen, ...log }
}

const CODES = { 200: undefined, 401: 16, 403: 7 } as const

describe('a server of nice-grpc', () => {
  it.each(CASES)('$name', async ({ make, status, audited }) => {
    const { entries, get, seen, text } = await setUp()
    const credential = await make()
    const outcome = await get(credential).catch((error: unknown) => error)
    expect(securityLines(entries())).toEqual([expect.objectContaining(audited)])
    if (status === 200) {
      expect([outcome, seen]).toEqual([{ by: 'billing' }, ['billing']])
    } else {
      expect(seen).toEqual([])
      expect(outcome).toBeInstanceOf(ClientError)
      expect(outcome).toMatchObject({ code: CODES[status], details: status === 401 ? 'unauthenticated' : 'permission denied' })
    }
    for (const part of credential?.split('.') ?? []) expect(text() + String(outcome)).not.toContain(part)
  })

  it('streams run in the context of their principal to the end', async () => {
    const { client, options, seen } = await setUp()
    const credential = await token()
    const by: unknown[] = []
    for await (const answer of client.watch({ id: 7 }, options(credential)) as AsyncIterable<{ by: string }>) by.push(answer.by)
    async function* requests() {
      for (let id = 0; id < 3; id++) yield { id }
    }
    for await (const answer of client.send(requests(), options(credential)) as AsyncIterable<{ by: string }>) by.push(answer.by)
    expect(by).toEqual(Array.from({ length: 6 }, () => 'billing'))
    expect(seen).toHaveLength(6)
  })

  it('a stream that the client leaves ends its implementation', async () => {
    const { client, options, seen } = await setUp()
    for await (const _answer of client.watch({ id: 7 }, options(await token())) as AsyncIterable<unknown>) break
    expect(seen.length).toBeLessThanOrEqual(3)
  })

  it('anybody may call what is public', async () => {
    const { client, seen } = await setUp()
    await client.health({ id: 1 })
    expect(seen).toEqual([undefined])
  })
})
