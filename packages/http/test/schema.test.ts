import { ValidationError } from '@comm/core'
import { EnhancedHttpClient, HttpClient, HttpResponse } from '@comm/http'
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { type Echoed, echo, failureOf, localServer } from './support/local-server.ts'

const order = z.object({
  id: z.number(),
  placedAt: z.iso.datetime().transform((text) => new Date(text)),
  note: z.string().default(''),
})
const whole = { id: 7, placedAt: '2026-01-02T03:04:05Z' }
const late = z.object({ id: z.number() }).refine(async ({ id }) => id > 0, 'it must be above 0')

function answering(body: unknown, status = 200): ReturnType<typeof localServer> {
  return localServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'max-age=60' })
    response.end(JSON.stringify(body))
  })
}

describe('a schema for the answer', () => {
  it('types what json() gives, and makes its output', async () => {
    await using server = await answering(whole)
    await using client = new EnhancedHttpClient({ baseUrl: server.url })
    for (let hit = 0; hit < 2; hit++) {
      const response = await client.get('/orders/7', { schema: order })
      const placed: Date = response.json().placedAt
      expect(placed).toEqual(new Date('2026-01-02T03:04:05Z'))
      expect(response.json().note).toBe('')
      expect(response.json()).toBe(response.json())
    }
    expect(client.cache?.statistics()).toMatchObject({ hits: 1 })
  })

  it('can be given to json(), and may work asynchronously', async () => {
    await using server = await answering({ id: 7 })
    await using client = new HttpClient({ baseUrl: server.url })
    const response = await client.get('/')
    const { id }: { id: number } = await response.json(late)
    expect(id).toBe(7)
    expect((await client.get('/', { schema: late })).json().id).toBe(7)
    await using other = await answering({ id: 0 })
    await using wrong = new HttpClient({ baseUrl: other.url })
    await expect(wrong.get('/', { schema: late })).rejects.toThrow('it must be above 0')
  })

  it('names the paths that do not match, and shows no value', async () => {
    await using server = await answering({ id: 'S3CRET', placedAt: 'S3CRET', note: 5 })
    await using client = new HttpClient({ baseUrl: server.url })
    const error = (await failureOf(client.get('/orders?token=S3CRET', { schema: order }))) as ValidationError
    expect(error).toBeInstanceOf(ValidationError)
    expect(error.message).toContain(
      `the JSON that GET ${server.url}/orders?token=[redacted] was answered with 200 does not match`,
    )
    expect((error.details['issues'] as { path: string }[]).map(({ path }) => path)).toEqual(['id', 'placedAt', 'note'])
    expect(error.message + JSON.stringify(error)).not.toContain('S3CRET')
    expect(String(await failureOf((await client.get('/')).json(order)))).toContain('id: ')
  })

  it('leaves alone what is no success, and what has no body', async () => {
    await using server = await answering({ error: 'none' }, 404)
    await using client = new HttpClient({ baseUrl: server.url })
    const answer = await client.get('/', { schema: order, throwHttpErrors: false })
    expect(answer.ok ? undefined : answer.json<unknown>()).toEqual({ error: 'none' })
    await using good = await answering(whole)
    await using other = new HttpClient({ baseUrl: good.url })
    expect((await other.head('/', { schema: order })).status).toBe(200)
  })

  it('is for JSON', async () => {
    await using server = await localServer((_request, response) => response.end('<html>'))
    await using client = new HttpClient({ baseUrl: server.url })
    await expect(client.get('/', { schema: order })).rejects.toMatchObject({ code: 'COMM_UNDECODABLE' })
    await expect(client.stream('GET', '/', { schema: order })).rejects.toThrow('request.schema must be left out for a stream')
    await expect(client.get('/', { schema: { parse: 1 } as never })).rejects.toThrow('request.schema must be a schema')
    await expect(client.get('/', { bodySchema: 7 as never, json: 1 })).rejects.toThrow('request.bodySchema must be a schema')
  })

  it('comes after the interceptors of answers, and before those of errors', async () => {
    await using server = await answering({ data: whole })
    const seen: unknown[] = []
    await using client = new HttpClient({
      baseUrl: server.url,
      interceptors: {
        response: [
          (response, request) =>
            response instanceof HttpResponse
              ? HttpResponse.of(request, { json: response.json<{ data: unknown }>().data })
              : undefined,
        ],
        error: [(error) => void seen.push(error)],
      },
    })
    expect((await client.get('/', { schema: order })).json().id).toBe(7)
    await failureOf(client.get('/', { schema: late.extend({ more: z.string() }) }))
    expect(seen[0]).toBeInstanceOf(ValidationError)
  })
})

describe('a schema for the body', () => {
  it('is checked before anything is sent, and its output is sent', async () => {
    let reached = 0
    await using server = await localServer((request, response) => {
      reached++
      echo(request, response)
    })
    await using client = new HttpClient({ baseUrl: server.url })
    const bodySchema = z.object({ id: z.number(), note: z.string().default('none') })
    const sent = (await client.post('/', { json: { id: 7 }, bodySchema })).json<Echoed>()
    expect(JSON.parse(sent.body)).toEqual({ id: 7, note: 'none' })
    const error = await failureOf(client.post('/', { json: { id: 'S3CRET' }, bodySchema }))
    expect(error).toBeInstanceOf(ValidationError)
    expect(String(error)).toMatch(/the json of a request does not match its schema: id: /)
    expect(String(error)).not.toContain('S3CRET')
    expect(reached).toBe(1)
  })
})
