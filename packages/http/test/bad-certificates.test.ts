import { inspect } from 'node:util'
import { CommunicationError } from '@comm/core'
import { gotTransport, HttpClient } from '@comm/http'
import { undiciTransport } from '@comm/http/undici'
import { createTlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { failureOf } from './support/local-server.ts'

const mine = await createTlsFiles()
const other = await createTlsFiles()

describe.each([
  ['got', gotTransport],
  ['undici', undiciTransport],
] as const)('certificates that cannot be used, on %s', (_library, make) => {
  it.each([
    ['a certificate that is no PEM', { cert: 's3cret', key: mine.key }],
    ['a key that is no PEM', { cert: mine.cert, key: 's3cret' }],
    ['a key of another certificate', { cert: mine.cert, key: other.key }],
    ['an authority that is no PEM', { ca: 's3cret' }],
  ])('%s is a typed error, when the client is made or when it calls', async (_what, tls) => {
    await using transport = make()
    const call = async (): Promise<unknown> => {
      await using client = new HttpClient({ baseUrl: 'https://127.0.0.1:9', tls, transport })
      return await client.get('/')
    }
    const error = await failureOf(call())
    expect(error).toBeInstanceOf(CommunicationError)
    expect((error as CommunicationError).code).toMatch(/^COMM_(CONFIGURATION|CONNECTION)$/)
    expect(inspect(error)).not.toMatch(/s3cret|PRIVATE KEY/)
  })
})
