import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from '@asyncapi/parser'
import { HttpClient } from '@comm/http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { validate as validateByReadme } from '@readme/openapi-parser'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Journal } from '../src/journal.ts'
import { type Services, startServices } from '../src/services.ts'

const http = new HttpClient()
let services: Services
let headers: { readonly authorization: string }
beforeAll(async () => {
  services = await startServices(new Journal())
  headers = { authorization: `Bearer ${await services.identityProvider.token('ada', 'orders:write')}` }
})
afterAll(async () => {
  for (const { manager } of [services.gateway, services.orders, services.users, services.payments, services.notifications])
    await manager.shutdown()
  await http.close()
})

const written = (service: string, name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../${service}-service`, name), 'utf8'))

/** As the gateway asks: order and user service take calls of the mesh only. */
async function served(service: 'order' | 'user' | 'notification', name: string): Promise<object> {
  const { gateway, notifications } = services
  const response =
    service === 'notification'
      ? await http.get(`${notifications.server.url}/${name}`)
      : await gateway.manager.mesh.call(`${service}s`).get(`/${name}`, { headers })
  expect(response.headers['content-type']).toMatch('application/json')
  return response.json()
}

describe('the documents that the services serve', () => {
  // Before the validators, which hold the process for so long that connections are closed that a POST has just been sent on.
  it('a request that the document does not allow is refused, and so is an unknown user', async () => {
    const { mesh } = services.gateway.manager
    const order = (json: object) => mesh.call('orders').post('/orders', { json, headers, throwHttpErrors: false })
    const refused = await order({ userId: '1', amount: -1 })
    expect([refused.status, refused.headers['content-type']]).toEqual([400, expect.stringMatching('^application/problem\\+json')])
    expect(refused.json()).toMatchObject({ code: 'COMM_VALIDATION', issues: [{ path: 'amount' }] })
    const unknown = await mesh.call('users').get('/users/9', { throwHttpErrors: false })
    expect([unknown.status, unknown.json()]).toMatchObject([404, { detail: 'there is no user 9' }])
  })

  it.each(['order', 'user', 'notification'] as const)(
    '%s: OpenAPI, accepted by two validators, as it is written',
    async (service) => {
      const document = await served(service, 'openapi.json')
      expect(document).toEqual(written(service, 'openapi.json'))
      expect(await validateByReadme(structuredClone(document) as never)).toMatchObject({ valid: true })
      expect(await new Validator().validate(document as never)).toMatchObject({ valid: true })
    },
  )

  it.each(['order', 'notification'] as const)('%s: AsyncAPI, accepted by its parser, as it is written', async (service) => {
    const document = await served(service, 'asyncapi.json')
    expect(document).toEqual(written(service, 'asyncapi.json'))
    const { diagnostics } = await new Parser().parse(JSON.stringify(document))
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([])
  })
})
