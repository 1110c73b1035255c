import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { checkTls, readTls } from '../src/tls.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'comm-tls-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('TLS options', () => {
  it('reads files anew each time, and prefers texts', async () => {
    const caFile = join(folder, 'ca.pem')
    await writeFile(caFile, 'one')
    const options = { caFile, keyFile: '/not/read', key: new Uint8Array([107]), serverName: 'broker' }
    expect(await readTls('x.ssl', options)).toEqual({ ca: 'one', key: Buffer.from('k'), servername: 'broker' })
    await writeFile(caFile, 'two')
    expect(await readTls('x.ssl', options)).toMatchObject({ ca: 'two' })
  })

  it('names the option whose file cannot be read', async () => {
    await expect(readTls('x.ssl', { certFile: join(folder, 'none.pem') })).rejects.toThrow(
      /^x\.ssl\.certFile cannot be read: ENOENT/,
    )
  })

  it('refuses what is none, and shows no secret', () => {
    expect(() => checkTls('x.ssl', { key: 7 as never })).toThrow(
      'x.ssl.key must be a non-empty string or a Uint8Array, got [redacted]',
    )
    expect(() => checkTls('x.ssl', { ca: '' })).toThrow(/^x\.ssl\.ca must be/)
  })
})
