import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contract, contractHandler, fastifyContract, fastifyRoute, noBody, type Route, route } from '@comm/contracts'
import { commPlugin } from '@comm/http/server'
import { topic } from '@comm/messaging'
import { afterAll, describe, expect, it } from '@jest/globals'
import Fastify from 'fastify'
import { z } from 'zod'

interface Item {
  readonly id: number
  readonly name: string
}

const item = z.object({ id: z.number(), name: z.string() })
const rename: Route<{
  params: { id: number }
  query: { dry: boolean }
  body: { name: string }
  answers: { 200: Item; 204: undefined }
}> = route({
  id: 'rename',
  method: 'PUT',
  path: '/items/:id',
  params: z.object({ id: z.coerce.number() }),
  query: z.object({ dry: z.stringbool().default(false) }),
  body: z.object({ name: z.string() }),
  answers: { 200: item, 204: noBody },
})
const shop = contract({ title: 'shop', version: '1', routes: [rename], sends: [topic('item.renamed', item)] })

describe('a route in Fastify', () => {
  const app = Fastify()
  afterAll(() => app.close())
  app.register(commPlugin, {})
  app.register((inner, _options, done) => {
    fastifyContract(inner, shop)
    fastifyRoute(inner, rename, ({ params: { id }, query: { dry }, body: { name } }) => {
      if (name === 'nothing') return { status: 500 as never, body: undefined as never }
      if (name === 'wrong') return { status: 200, body: { id, name: 7 as never } }
      return dry ? { status: 204 } : { status: 200, body: { id, name, secret: 'x' } as Item }
    })
    done()
  })
  const put = async (url: string, payload: object) => {
    const { statusCode, body } = await app.inject({ method: 'PUT', url, payload })
    return [statusCode, body === '' ? undefined : JSON.parse(body)]
  }

  it('gives the handler what the schemas make of a request, and sends only what the contract names', async () => {
    expect(await put('/items/7', { name: 'pen', more: 1 })).toEqual([200, { id: 7, name: 'pen' }])
    expect(await put('/items/7?dry=yes', { name: 'pen' })).toEqual([204, undefined])
  })

  it.each([
    ['the path', '/items/pen', { name: 'pen' }],
    ['the query', '/items/7?dry=perhaps', { name: 'pen' }],
    ['the body', '/items/7', { name: 7 }],
  ])('refuses %s that does not match', async (what, url, body) => {
    expect(await put(url, body)).toMatchObject([400, { detail: expect.stringMatching(`^${what} does not match its schema`) }])
  })

  it.each(['wrong', 'nothing'])('takes an answer that is not in the contract for a fault of its own: %s', async (name) => {
    const [status, problem] = await put('/items/7', { name })
    expect([status, problem]).toEqual([500, expect.not.objectContaining({ detail: expect.anything() })])
  })

  it('serves the documents', async () => {
    expect((await app.inject('/openapi.json')).json()).toMatchObject({ openapi: '3.1.0', info: { title: 'shop' } })
    expect((await app.inject('/asyncapi.json')).json()).toMatchObject({ asyncapi: '3.0.0', info: { title: 'shop' } })
  })
})

describe('the documents from any server', () => {
  const answer = contractHandler(contract({ title: 'shop', version: '1', routes: [rename] }))
  const server: Server = createServer((request, response) => {
    if (!answer(request, response)) response.writeHead(404).end()
  })
  afterAll(() => void server.close())

  it('answers for those that there are', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const at = (path: string, method = 'GET') =>
      fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, { method })
    expect(await (await at('/openapi.json?v=1')).json()).toMatchObject({ openapi: '3.1.0' })
    expect((await at('/openapi.json', 'HEAD')).status).toBe(200)
    expect((await at('/asyncapi.json')).status).toBe(404)
    expect((await at('/openapi.json', 'POST')).status).toBe(404)
  })
})
