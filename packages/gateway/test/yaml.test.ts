import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createGateway, parseGatewayConfig, readGatewayConfig } from '@comm/gateway'
import { expect, it } from '@jest/globals'

const TEXT = `
services:
  user_service-service:
    instances: [users-1:8000]
    path: /people
    health_check: { interval_ms: 5000 }
routes:
  - path: /people/:id
    service: user_service-service
    headers: { x_own: 'yes' }
    rate_limit: { per_second: 20, key: { header: X_Key } }
    validate: { body: { type: object, properties: { first_name: { type: string } } } }
`

it('keys of options are in camel or snake case, names of users stay as they are', () => {
  const config = parseGatewayConfig(TEXT)
  expect(config).toEqual({
    services: { 'user_service-service': { instances: ['users-1:8000'], path: '/people', healthCheck: { intervalMs: 5000 } } },
    routes: [
      {
        path: '/people/:id',
        service: 'user_service-service',
        headers: { x_own: 'yes' },
        rateLimit: { perSecond: 20, key: { header: 'X_Key' } },
        validate: { body: { type: 'object', properties: { first_name: { type: 'string' } } } },
      },
    ],
  })
  expect(createGateway({ port: 0, ...config }).describe()).toContain('/people/:id')
})

it('a file is read, and what is wrong with it is told with every problem', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-yaml-'))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, TEXT)
  expect(await readGatewayConfig(file)).toEqual(parseGatewayConfig(TEXT))
  expect(() => parseGatewayConfig('services: { a: x }\nroutes: [{ path: y, service: z }]')).toThrow(
    /services\.a must be[\s\S]*routes\[0\]\.path/,
  )
  expect(() => parseGatewayConfig('services: [', 'gateway.yaml')).toThrow(/gateway\.yaml is no YAML/)
  await expect(readGatewayConfig(join(folder, 'none.yaml'))).rejects.toThrow(/cannot be read/)
})
