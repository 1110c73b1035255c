import { createServer } from 'node:http'
import { currentContext, Lifecycle, ServiceUnavailableError, withContext } from '@comm/core'
import { HttpClient } from '@comm/http'
import { commPlugin, contextHandler, httpServerComponent } from '@comm/http/server'
import { describe, expect, it } from '@jest/globals'
import fastify from 'fastify'

async function app(): Promise<{ url: string; lifecycle: Lifecycle }> {
  const server = fastify()
  const lifecycle = new Lifecycle()
  await server.register(commPlugin, { health: lifecycle })
  server.post('/orders', async (request) => {
    await Promise.resolve()
    const { correlationId, deadlineAt } = currentContext() ?? {}
    return { correlationId, hasDeadline: deadlineAt !== undefined, body: request.body }
  })
  server.post(
    '/checked',
    { schema: { body: { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } } } },
    async () => 'fine',
  )
  server.get('/down', async () => {
    throw new ServiceUnavailableError('no instance of db01')
  })
  await server.ready()
  const component = httpServerComponent(server.server, { port: 0, host: '127.0.0.1' })
  lifecycle.add(component)
  await lifecycle.start()
  return { url: component.url, lifecycle }
}

describe('commPlugin', () => {
  it('runs routes in the context of their request, behind body parsers too', async () => {
    const { url, lifecycle } = await app()
    await using _stopped = lifecycle
    await using client = new HttpClient({ baseUrl: url, headers: { 'x-correlation-id': 'f1' } })
    const response = await client.post('/orders', { json: { padding: 'x'.repeat(200_000) } })
    expect(response.headers['x-correlation-id']).toBe('f1')
    expect(response.json()).toMatchObject({ correlationId: 'f1', hasDeadline: true })
  })

  it('goes on in the context of a server that wraps the framework, behind body parsers too', async () => {
    const principal = { subject: 'orders', method: 'mtls', scopes: [], roles: [], attributes: {} }
    const outer: (string | undefined)[] = []
    const server = fastify({
      serverFactory: (handler) =>
        createServer(
          contextHandler((request, response) => {
            outer.push(currentContext()?.correlationId)
            withContext({ principal }, () => handler(request, response))
          }),
        ),
    })
    await server.register(commPlugin)
    server.post('/', async () => currentContext())
    await server.ready()
    await using lifecycle = new Lifecycle()
    const component = httpServerComponent(server.server, { port: 0, host: '127.0.0.1' })
    lifecycle.add(component)
    await lifecycle.start()
    const response = await fetch(component.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ padding: 'x'.repeat(200_000) }),
    })
    const { correlationId, principal: seen } = (await response.json()) as { correlationId: string; principal: unknown }
    expect(seen).toEqual(principal)
    expect([response.headers.get('x-correlation-id'), ...outer]).toEqual([correlationId, correlationId])
  })

  it('answers health and readiness from a Lifecycle', async () => {
    const { url, lifecycle } = await app()
    await using _stopped = lifecycle
    await using client = new HttpClient({ baseUrl: url })
    expect((await client.get('/health')).json()).toEqual({ status: 'up', components: { 'http server': { status: 'up' } } })
    expect((await client.get('/ready')).json()).toEqual({ ready: true })
    expect((await client.get('/live')).json()).toEqual({ live: true })
  })

  it('answers errors as problem documents, Fastify’s own included', async () => {
    const { url, lifecycle } = await app()
    await using _stopped = lifecycle
    await using client = new HttpClient({ baseUrl: url, throwHttpErrors: false })
    const down = await client.get('/down')
    expect([down.status, down.headers['content-type'], down.text().includes('db01')]).toEqual([
      503,
      'application/problem+json; charset=utf-8',
      false,
    ])
    const invalid = await client.post('/checked', { json: { id: 'x' } })
    expect([invalid.status, invalid.json()]).toEqual([400, expect.objectContaining({ detail: 'body/id must be integer' })])
    const expired = await client.get('/down', { headers: { 'x-request-timeout-ms': 0 } })
    expect([expired.status, expired.json()]).toEqual([504, expect.objectContaining({ code: 'COMM_DEADLINE_EXCEEDED' })])
  })
})
