import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServiceInstance } from '@comm/discovery'
import { ConsulRegistry } from '@comm/discovery/consul'
import { createTlsFiles, startConsul, type TestServer } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const signal = new AbortController().signal
const instance: ServiceInstance = { service: 'orders', id: 'one', host: '127.0.0.1', port: 80 }
const registration = { instance, ttlMs: 60_000 }

const token = randomUUID()
let consul: TestServer
beforeAll(async () => {
  consul = await startConsul({ token, tls: 'mutual' })
})
afterAll(() => consul.close())

describe('Consul with access control', () => {
  const registry = (own?: string): ConsulRegistry =>
    new ConsulRegistry({ host: consul.host, port: consul.port, ...(own === undefined ? {} : { token: own }) })

  it('takes a token that may', async () => {
    await using one = registry(token)
    await one.register(registration, signal)
    expect(await one.resolve('orders', signal)).toHaveLength(1)
    expect(await one.renew(registration, signal)).toBe('kept')
    await one.deregister(registration, signal)
    expect((await one.health(signal)).status).toBe('up')
  })

  it.each([
    ['without a token', undefined],
    ['with one that nobody knows', randomUUID()],
  ])('refuses %s, without a word of it, and not to be tried again', async (_, own) => {
    await using one = registry(own)
    const refused = one.register(registration, signal)
    await expect(refused).rejects.toMatchObject({ code: 'COMM_AUTHORIZATION', retryable: false })
    if (own !== undefined) await expect(refused).rejects.not.toThrow(new RegExp(own))
  })
})

describe('Consul by TLS', () => {
  let folder: string
  const registry = (ssl: object): ConsulRegistry =>
    new ConsulRegistry({ host: 'localhost', port: Number(new URL(String(consul.urls['tls'])).port), token, ssl })

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'comm-consul-tls-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('presents its certificate, from files that are read again for each connection', async () => {
    const { ca = '', cert = '', key = '' } = consul.tls ?? {}
    const ssl = { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
    await using one = registry(ssl)
    await expect(one.resolve('orders', signal)).rejects.toThrow(/ConsulRegistry\.ssl\.caFile cannot be read/)
    await Promise.all([writeFile(ssl.caFile, ca), writeFile(ssl.certFile, cert), writeFile(ssl.keyFile, key)])
    expect(await one.resolve('orders', signal)).toEqual([])
  })

  it.each([
    ['another authority', async () => ({ ca: (await createTlsFiles()).ca, cert: consul.tls?.cert, key: consul.tls?.key })],
    ['another name', async () => ({ ...consul.tls, serverName: 'elsewhere.example' })],
    ['no certificate of its own', async () => ({ ca: consul.tls?.ca })],
  ])('is refused for %s', async (_, ssl) => {
    await using one = registry(await ssl())
    await expect(one.resolve('orders', signal)).rejects.toMatchObject({ code: 'COMM_CONNECTION' })
  })
})
