import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constantBackoff, retry, type Stage } from '@comm/core'
import { cachePlace, HttpClient } from '@comm/http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

let asked = 0
const server = createServer((request, response) => {
  asked++
  if (request.url === '/broken') response.statusCode = 503
  response.setHeader('cache-control', 'max-age=60')
  response.end('{}')
})
let baseUrl = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const again = (maxRetries: number): Stage => retry({ maxRetries, backoff: constantBackoff({ baseMs: 1 }) })

describe('policies that a function gives', () => {
  it('are those of the moment when a call begins', async () => {
    let policies: readonly Stage[] = [again(1)]
    await using client = new HttpClient({ baseUrl, policies: () => policies })
    asked = 0
    await expect(client.get('/broken')).rejects.toMatchObject({ status: 503 })
    expect(asked).toBe(2)
    policies = [again(3)]
    expect(client.describe()).toContain('at most 3')
    asked = 0
    await expect(client.get('/broken')).rejects.toMatchObject({ status: 503 })
    expect(asked).toBe(4)
  })

  it('leave the cache as it is', async () => {
    let policies: readonly Stage[] = [again(1)]
    await using client = new HttpClient({ baseUrl, policies: () => policies, cache: true })
    asked = 0
    await client.get('/kept')
    policies = [again(2), cachePlace]
    await client.get('/kept')
    expect(asked).toBe(1)
  })

  it('are refused when they are neither an array nor a function', () => {
    expect(() => new HttpClient({ baseUrl, policies: 'retry' as never })).toThrow(
      'HttpClient.policies must be an array of stages',
    )
    expect(() => new HttpClient({ baseUrl, policies: () => ['retry'] as never })).toThrow('must be a stage such as retry()')
  })
})
