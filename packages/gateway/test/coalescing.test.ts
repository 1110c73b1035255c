import { request as httpRequest, type ServerResponse } from 'node:http'
import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { gatewayFor, service } from './support/services.ts'

const CLIENTS = 30

describe('concurrent misses of the cache', () => {
  const open = async () => {
    const held: ServerResponse[] = []
    const slow = await service((_, response) => void held.push(response))
    const gateway = await gatewayFor({
      services: { slow: { url: slow.url, path: false } },
      routes: [{ path: '/*', service: 'slow', cache: true }],
    })
    return {
      gateway,
      slow,
      held,
      async [Symbol.asyncDispose]() {
        await gateway.stop()
        await slow[Symbol.asyncDispose]()
      },
    }
  }
  /** @param isSized whether the answers say how long they are */
  const answer = (held: readonly ServerResponse[], cacheControl: string, isSized = true): void => {
    for (const [at, response] of held.entries()) {
      if (response.headersSent) continue
      response.setHeader('cache-control', cacheControl)
      if (!isSized) response.flushHeaders()
      response.end(`answer ${at}`)
    }
  }

  it('are one request to the service, whose answer all get', async () => {
    await using at = await open()
    const asked = Array.from({ length: CLIENTS }, async () => (await fetch(`${at.gateway.url}/page`)).text())
    await waitFor(() => at.gateway.inFlight === CLIENTS && at.held.length > 0, { what: 'all requests' })
    answer(at.held, 'max-age=60')
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['answer 0']))
    expect(at.slow.requests).toHaveLength(1)
    expect(await (await fetch(`${at.gateway.url}/page`)).text()).toBe('answer 0')
    expect(at.slow.requests).toHaveLength(1)
  })

  it('go on when the client that was first has left', async () => {
    await using at = await open()
    const first = httpRequest(`${at.gateway.url}/page`).on('error', () => undefined)
    first.end()
    await waitFor(() => at.held.length === 1, { what: 'the first request' })
    const asked = Array.from({ length: CLIENTS }, async () => (await fetch(`${at.gateway.url}/page`)).text())
    await waitFor(() => at.gateway.inFlight === CLIENTS + 1, { what: 'all requests' })
    first.destroy()
    await waitFor(() => at.gateway.inFlight === CLIENTS, { what: 'the first one to be gone' })
    answer(at.held, 'max-age=60')
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['answer 0']))
    expect(at.slow.requests).toHaveLength(1)
  })

  it('are requests of their own where the answer is for one alone', async () => {
    await using at = await open()
    const asked = Array.from({ length: CLIENTS }, async () => (await fetch(`${at.gateway.url}/own`)).text())
    await waitFor(() => at.gateway.inFlight === CLIENTS && at.held.length > 0, { what: 'all requests' })
    answer(at.held, 'private, max-age=60')
    await waitFor(() => at.held.length === CLIENTS, { what: 'the others' })
    answer(at.held, 'private, max-age=60')
    expect(new Set(await Promise.all(asked)).size).toBe(CLIENTS)
  })

  it('are requests of their own where nobody knows how long the answer is, also when the first client has left', async () => {
    await using at = await open()
    const first = httpRequest(`${at.gateway.url}/stream`).on('error', () => undefined)
    first.end()
    await waitFor(() => at.held.length === 1, { what: 'the first request' })
    const asked = Array.from({ length: CLIENTS }, async () => (await fetch(`${at.gateway.url}/stream`)).text())
    await waitFor(() => at.gateway.inFlight === CLIENTS + 1, { what: 'all requests' })
    first.destroy()
    await waitFor(() => at.gateway.inFlight === CLIENTS, { what: 'the first one to be gone' })
    answer(at.held, 'max-age=60', false)
    await waitFor(() => at.held.length === CLIENTS + 1, { what: 'the others' })
    answer(at.held, 'max-age=60', false)
    expect(new Set(await Promise.all(asked)).size).toBe(CLIENTS)
    await waitFor(() => at.gateway.services['slow']?.inFlight === 0, { what: 'nothing left open' })
  })
})
