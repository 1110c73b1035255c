import type { ServerResponse } from 'node:http'
import { TestClock, waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { RawConnection } from './support/raw.ts'
import { echo, gatewayFor, service } from './support/services.ts'

/** A service that never answers by itself. */
async function silent() {
  const open: ServerResponse[] = []
  let left = 0
  const own = await service((request, response) => {
    request.resume()
    response.on('close', () => left++)
    open.push(response)
  })
  return Object.assign(own, { open, left: () => left })
}

describe('a service that hangs', () => {
  it('in its body is cut after idleMs, also where its head may take longer', async () => {
    const clock = new TestClock()
    await using slow = await silent()
    const timeouts = { connectMs: 5000, responseMs: 30_000, idleMs: 1000 }
    await using gateway = await gatewayFor({
      clock,
      services: { slow: { url: slow.url, path: '/slow', retry: false, timeouts } },
    })
    const asked = fetch(`${gateway.url}/slow`)
    await waitFor(() => slow.open.length === 1)
    await clock.advance(1500)
    slow.open[0]?.writeHead(200).write('a part')
    const answer = await asked
    const text = answer.text().catch(() => 'cut')
    await clock.advance(2000)
    expect(await text).toBe('cut')
  })

  it.each([
    ['sent on', {}],
    ['through the cache', { cache: true }],
  ])('behind its head is %s: the client has the head', async (_, step) => {
    await using slow = await silent()
    await using gateway = await gatewayFor({
      services: { slow: { url: slow.url, path: false } },
      routes: [{ path: '/slow', service: 'slow', ...step }],
    })
    const asked = fetch(`${gateway.url}/slow`)
    await waitFor(() => slow.open.length === 1)
    slow.open[0]?.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const answer = await asked
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    slow.open[0]?.end('data: at last\n\n')
    expect(await answer.text()).toBe('data: at last\n\n')
  })

  it('leaves its part of an aggregation out in the time of the route, or that the client has left', async () => {
    const clock = new TestClock()
    await using slow = await silent()
    await using quick = await service((_, response) => response.end('{"name":"Ada"}'))
    const aggregate = { user: { service: 'quick', path: '/user' }, orders: { service: 'slow', path: '/orders' } }
    await using gateway = await gatewayFor({
      clock,
      services: { slow: slow.url, quick: quick.url },
      routes: [
        { path: '/limited', timeouts: { totalMs: 400 }, aggregate },
        { path: '/asked', aggregate },
      ],
    })
    const limited = fetch(`${gateway.url}/limited`)
    const asked = fetch(`${gateway.url}/asked`, { headers: { 'x-request-timeout-ms': '400' } })
    await waitFor(() => slow.open.length === 2 && quick.requests.length === 2 && gateway.services['quick']?.inFlight === 0)
    await clock.advance(1000)
    const found = { user: { name: 'Ada' }, orders: null }
    expect(await (await limited).json()).toEqual({ ...found, errors: { orders: { code: 'COMM_TIMEOUT' } } })
    expect(await (await asked).json()).toEqual({ ...found, errors: { orders: { code: 'COMM_DEADLINE_EXCEEDED' } } })
    await waitFor(() => slow.left() === 2)
  })

  it('is not waited for where a required part of an aggregation is missing', async () => {
    await using slow = await silent()
    await using broken = await service((_, response) => response.writeHead(500).end())
    await using gateway = await gatewayFor({
      services: { slow: slow.url, broken: broken.url },
      routes: [
        {
          path: '/profile',
          aggregate: { user: { service: 'broken', path: '/', required: true }, orders: { service: 'slow', path: '/' } },
        },
      ],
    })
    expect((await fetch(`${gateway.url}/profile`)).status).toBe(502)
    await waitFor(() => slow.left() === slow.open.length && gateway.services['slow']?.inFlight === 0)
  })

  it('behind a cache costs a client no more than the time that it has left', async () => {
    const clock = new TestClock()
    await using slow = await silent()
    await using gateway = await gatewayFor({
      clock,
      services: { slow: { url: slow.url, path: false, breaker: { consecutiveFailures: 1 } } },
      routes: [{ path: '/slow', service: 'slow', cache: true }],
    })
    const asked = fetch(`${gateway.url}/slow`, { headers: { 'x-request-timeout-ms': '400' } })
    await waitFor(() => slow.open.length === 1)
    await clock.advance(500)
    expect((await asked).status).toBe(504)
    await waitFor(() => slow.left() === 1)
  })
})

describe('a client that hangs', () => {
  it.each([
    ['a declared length', 'Content-Length: 10\r\n\r\nabc'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ])('in its upload of %s is answered with 408, and counts against nobody', async (_, sent) => {
    const clock = new TestClock()
    await using files = await silent()
    const strict = { breaker: { consecutiveFailures: 1 }, outlierDetection: { consecutiveFailures: 1 } }
    await using gateway = await gatewayFor({ clock, services: { files: { url: files.url, path: '/files', ...strict } } })
    for (let call = 1; call <= 3; call++) {
      await using raw = await RawConnection.to(gateway.url)
      raw.write(`PUT /files HTTP/1.1\r\nHost: x\r\n${sent}`)
      await waitFor(() => files.open.length === call)
      await clock.advance(120_000)
      expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close/)
    }
    expect(gateway.services['files']).toMatchObject({ available: 1, inFlight: 0 })
  })
})

describe('a client that hangs in an upload that a step reads', () => {
  it.each([
    ['validate', { validate: { body: { type: 'object' } } }],
    ['transform', { transform: { request: { body: (body: Buffer) => body } } }],
    ['mirror', { mirror: { service: 'files' } }],
  ])('is answered with 408: %s', async (_, step) => {
    const clock = new TestClock()
    await using files = await service(echo)
    await using gateway = await gatewayFor({
      clock,
      services: { files: { url: files.url, path: false } },
      routes: [{ path: '/files', service: 'files', ...step }],
    })
    await using raw = await RawConnection.to(gateway.url)
    raw.write('POST /files HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"a')
    await waitFor(() => gateway.inFlight === 1)
    await clock.advance(61_000)
    expect(await raw.untilClosed()).toMatch(/^HTTP\/1\.1 408 [\s\S]*connection: close/)
    expect(files.requests).toHaveLength(0)
    await waitFor(() => gateway.inFlight === 0)
  })
})

describe('a stop', () => {
  it('keeps its budget, the delay of readiness included', async () => {
    const clock = new TestClock()
    await using slow = await silent()
    const gateway = await gatewayFor({
      clock,
      services: { slow: { url: slow.url, path: '/slow' } },
      stopBudgetMs: 4000,
      readinessDelayMs: 2000,
    })
    const asked = fetch(`${gateway.url}/slow`).catch(() => 'cut')
    await waitFor(() => slow.open.length === 1)
    const stopping = gateway.stop()
    await clock.advance(4000)
    expect(await asked).toBe('cut')
    const { durationMs, problems } = await stopping
    expect(problems).toMatchObject([{ phase: 'drain' }])
    expect(durationMs).toBeLessThanOrEqual(4000)
  })
})

describe('a mirror', () => {
  const mirrored = (shadow: string, users: string) =>
    gatewayFor({
      services: { users: { url: users, path: false }, shadow: { url: shadow, path: false } },
      routes: [{ path: '/users', service: 'users', mirror: { service: 'shadow' } }],
    })

  it('that hangs holds up no answer, and no stop', async () => {
    await using shadow = await silent()
    await using users = await service(echo)
    const gateway = await mirrored(shadow.url, users.url)
    for (let call = 1; call <= 3; call++) {
      expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
      await waitFor(() => shadow.open.length === call)
    }
    expect((await gateway.stop()).problems).toEqual([])
    await waitFor(() => shadow.left() === 3)
  })

  it('that answers without end is cut, and nothing of it kept', async () => {
    let sent = 0
    await using shadow = await service((_, response) => {
      const go = (): void => {
        do sent += 64 * 1024
        while (response.write(Buffer.alloc(64 * 1024)))
      }
      response.on('drain', go)
      go()
    })
    await using users = await service(echo)
    await using gateway = await mirrored(shadow.url, users.url)
    expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
    await waitFor(() => sent > 0 && gateway.services['shadow']?.inFlight === 0)
  })

  it('is asked once, whatever it answers', async () => {
    await using shadow = await service((_, response) => response.writeHead(503).end())
    await using users = await service(echo)
    await using gateway = await mirrored(shadow.url, users.url)
    expect((await fetch(`${gateway.url}/users`)).status).toBe(200)
    await waitFor(() => shadow.requests.length > 0 && gateway.services['shadow']?.inFlight === 0)
    expect(shadow.requests).toHaveLength(1)
  })
})
