import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { currentContext, currentPrincipal, type Logger } from '@comm/core'
import { commPlugin, contextHandler, contextMiddleware } from '@comm/http/server'
import { authHandler, authMiddleware, authPlugin, requestPrincipal } from '@comm/security/http'
import { requireScopes } from '@comm/security/policy'
import { afterEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import fastify from 'fastify'
import { keptLog, securityLines } from '../support/audit.ts'
import { token } from '../support/tokens.ts'
import { CASES, ordersGate, type Seen } from './cases.ts'

let stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()))
  stops = []
})

async function listening(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a server whose `/orders` tells what it sees, and whose `/health` is public. */
type Start = (logger: Logger, seen: (what: Seen) => void) => Promise<string>

const isPublic = ({ url }: IncomingMessage): boolean => url === '/health'
const answer = JSON.stringify({ orders: [] })

const ADAPTERS: readonly (readonly [string, Start])[] = [
  [
    'node:http',
    (logger, seen) =>
      listening(
        authHandler(
          ordersGate(logger),
          async (request, response) => {
            await new Promise(setImmediate)
            seen({ current: currentPrincipal(), ofRequest: requestPrincipal(request) })
            response.end(answer)
          },
          { isPublic },
        ),
      ),
  ],
  [
    'node:http inside contextHandler of @comm/http',
    (logger, seen) =>
      listening(
        contextHandler(
          authHandler(
            ordersGate(logger),
            (request, response) => {
              expect(currentContext()?.correlationId).toBe('c-1')
              seen({ current: currentPrincipal(), ofRequest: requestPrincipal(request) })
              response.end(answer)
            },
            { isPublic },
          ),
        ),
      ),
  ],
  [
    'Express',
    (logger, seen) => {
      const app = express()
      app.use(contextMiddleware())
      app.use(express.json())
      app.use(authMiddleware(ordersGate(logger), { isPublic }))
      app.all('/orders', (request, response) => {
        seen({ current: currentPrincipal(), ofRequest: requestPrincipal(request) })
        response.send(answer)
      })
      app.get('/health', (_request, response) => {
        response.send(answer)
      })
      return listening(app)
    },
  ],
  [
    'Fastify',
    async (logger, seen) => {
      const app = fastify()
      await app.register(commPlugin)
      await app.register(authPlugin, { gate: ordersGate(logger) })
      app.all('/orders', async (request) => {
        await new Promise(setImmediate)
        seen({ current: currentPrincipal(), ofRequest: requestPrincipal(request) })
        return { orders: [] }
      })
      app.get('/health', { config: { auth: false } }, async () => ({ orders: [] }))
      stops.push(() => app.close())
      return app.listen({ port: 0, host: '127.0.0.1' })
    },
  ],
]

async function setUp(start: Start) {
  const log = keptLog()
  const seen: Seen[] = []
  const url = await start(log.logger, (what) => seen.push(what))
  const call = async (credential: string | undefined, path = '/orders', init: RequestInit = {}) => {
    const headers: Record<string, string> = { 'x-correlation-id': 'c-1' }
    if (credential !== undefined) headers['authorization'] = `Bearer ${credential}`
    const response = await fetch(`${url}${path}`, { ...init, headers: { ...headers, ...(init.headers as object) } })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  return { call, seen, ...log }
}

describe.each(ADAPTERS)('%s', (_name, start) => {
  it.each(CASES)('$name', async ({ make, status, audited }) => {
    const { call, entries, seen, text } = await setUp(start)
    const credential = await make()
    const response = await call(credential)
    expect(response.status).toBe(status)
    expect(securityLines(entries())).toEqual([expect.objectContaining(audited)])
    if (status === 200) {
      expect(seen).toEqual([{ current: expect.objectContaining({ subject: 'billing' }), ofRequest: seen[0]?.current }])
      expect(response.text).toBe(answer)
    } else {
      expect(seen).toEqual([])
      // Which of the ways to be wrong it was is for the log alone.
      const title = status === 401 ? 'Unauthorized' : 'Forbidden'
      expect(JSON.parse(response.text)).toEqual({ type: 'about:blank', title, status })
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/)
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer( error="(invalid_token|insufficient_scope)")?$/)
    }
    for (const part of credential?.split('.') ?? []) expect(text() + response.text).not.toContain(part)
  })

  it('answers alike to every wrong credential', async () => {
    const { call } = await setUp(start)
    const wrong = CASES.filter(({ status, make }) => status === 401 && make() !== undefined)
    const answers = await Promise.all(wrong.map(async ({ make }) => call(await make())))
    const told = answers.map(({ headers, text }) => [text, headers.get('www-authenticate')])
    expect(new Set(told.map((each) => JSON.stringify(each))).size).toBe(1)
  })

  it('lets anybody ask what is public, and keeps the principal behind a body', async () => {
    const { call, seen } = await setUp(start)
    expect((await call(undefined, '/health')).status).toBe(200)
    const init = {
      method: 'POST',
      body: JSON.stringify({ a: 'x'.repeat(70_000) }),
      headers: { 'content-type': 'application/json' },
    }
    expect((await call(await token(), '/orders', init)).status).toBe(200)
    expect(seen.at(-1)).toMatchObject({ current: { subject: 'billing' }, ofRequest: { subject: 'billing' } })
    expect((await call(undefined, '/orders', init)).status).toBe(401)
  })
})

describe('a route of Fastify', () => {
  it('may have a policy of its own; anything else there is as good as nothing', async () => {
    const { logger } = keptLog()
    const app = fastify()
    await app.register(authPlugin, { gate: ordersGate(logger) })
    const handler = async () => ({ done: true })
    app.get('/write', { config: { auth: requireScopes('orders:write') } }, handler)
    app.get('/typo', { config: { auth: 'none' } }, handler)
    app.get('/null', { config: { auth: null } }, handler)
    const authorization = `Bearer ${await token({ claims: { scope: 'orders:write' } })}`
    const statuses = async (headers: Record<string, string>) =>
      Promise.all(['/write', '/typo', '/null', '/missing'].map(async (url) => (await app.inject({ url, headers })).statusCode))
    expect(await statuses({})).toEqual([401, 401, 401, 401])
    expect(await statuses({ authorization })).toEqual([200, 403, 403, 403])
    await app.close()
  })
})

describe('a request', () => {
  it('is judged by its path as a router sees it, and by the one credential that it has', async () => {
    const resources: unknown[] = []
    const { logger } = keptLog()
    const inner = ordersGate(logger)
    const asked: typeof inner = {
      admit: (credentials, request, ...rest) => {
        resources.push([request.resource, credentials.header('authorization')])
        return inner.admit(credentials, request, ...rest)
      },
    }
    const url = await listening(authHandler(asked, (_request, response) => void response.end()))
    await fetch(`${url}/public/%2e%2e/admin?access_token=secret`)
    await fetch(`${url}/a%20b`)
    await fetch(`${url}//admin/x`)
    const { request } = await import('node:http')
    await new Promise((resolve) => {
      const call = request(
        url,
        { headers: ['host', 'a.test', 'authorization', 'Bearer a', 'authorization', 'Bearer b'] as never },
        resolve,
      )
      call.end()
    })
    expect(resources).toEqual([
      ['/admin', undefined],
      ['/a b', undefined],
      ['//admin/x', undefined],
      ['/', undefined],
    ])
  })
})
