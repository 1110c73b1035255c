import { startConsul, startEtcd, type TestServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { expectToSurviveFaults } from '../../support/faults-a-server-survives.ts'

const LIMIT_MS = 120_000
const KEY = Buffer.from('key').toString('base64')
const VALUE = Buffer.from('value').toString('base64')

async function call({ url }: TestServer, method: string, path: string, body: string): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { method, ...(method === 'GET' ? {} : { body }) })
  expect(response.status).toBe(200)
  return response.json()
}

describe('startConsul', () => {
  it(
    'survives kill -9, a restart and a stop with its data',
    async () => {
      const server = await startConsul()
      expect(server.version).toMatch(/^\d+\.\d+/)
      await expectToSurviveFaults(server, {
        write: async (consul) => expect(await call(consul, 'PUT', '/v1/kv/key', 'value')).toBe(true),
        read: (consul) => call(consul, 'GET', '/v1/kv/key', ''),
      })
    },
    LIMIT_MS,
  )
})

describe('startEtcd', () => {
  it(
    'survives kill -9, a restart and a stop with its data',
    async () => {
      const server = await startEtcd()
      expect(server.version).toMatch(/^\d+\.\d+/)
      await expectToSurviveFaults(server, {
        write: async (etcd) => void (await call(etcd, 'POST', '/v3/kv/put', JSON.stringify({ key: KEY, value: VALUE }))),
        read: async (etcd) => {
          const { kvs } = (await call(etcd, 'POST', '/v3/kv/range', JSON.stringify({ key: KEY }))) as { kvs: unknown }
          return kvs
        },
      })
    },
    LIMIT_MS,
  )
})
