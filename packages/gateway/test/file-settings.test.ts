import { mkdtempSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { ConfigurationError } from '@comm/core'
import { ConfigWatch, createGateway, type Gateway, parseGatewayConfig, readGatewayConfig } from '@comm/gateway'
import { TestClock } from '@comm/testkit'
import { createAuthority, createTlsFiles, type TlsFiles } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { fingerprint } from './support/fingerprint.ts'
import { echo, gatewayFor, type Seen, service } from './support/services.ts'

const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'gateway-settings-'))

function put(folder: string, name: string, { cert, key }: TlsFiles): void {
  writeFileSync(join(folder, `${name}.pem`), cert)
  writeFileSync(join(folder, `${name}.key`), key)
}

describe('settings in a file', () => {
  it('make a gateway, certificates from the folder of the file included', async () => {
    const folder = emptyFolder()
    put(folder, 'main', await createTlsFiles())
    put(folder, 'own', await createTlsFiles())
    await using users = await service(echo)
    const file = join(folder, 'gateway.yaml')
    writeFileSync(
      file,
      `
port: 0
host: 127.0.0.1
name: front
trusted_proxies: [127.0.0.0/8]
forwarded: x-forwarded
access_log: false
tls:
  cert_file: main.pem
  key_file: main.key
  names: { '*.example.com': { cert_file: own.pem, key_file: own.key } }
services: { user-service: '${users.url}' }
`,
    )
    const config = await readGatewayConfig(file)
    expect(config.tls?.certFile).toBe(join(folder, 'main.pem'))
    await using gateway = createGateway({ port: 1, ...config })
    await gateway.start()
    expect([gateway.name, new URL(gateway.url).hostname]).toEqual(['front', '127.0.0.1'])
    const [main, own] = [await fingerprint(gateway.url, 'elsewhere.test'), await fingerprint(gateway.url, 'api.example.com')]
    expect(main).not.toBe(own)
  })

  it('are checked with the rest: key, what was received, what was expected', () => {
    const parse = (text: string) => (): unknown => parseGatewayConfig(text)
    expect(
      parse(
        `port: 70000
host: ''
trusted_proxies: [10.0.0.0/99]
prots: 1
services: { a: nowhere }`,
      ),
    ).toThrow(
      /gateway\.port must be an integer >= 0 and <= 65535, got 70000[\s\S]*gateway\.host must be[\s\S]*gateway\.trustedProxies must be an array of addresses and networks[\s\S]*gateway\.prots is an unknown option[\s\S]*services\.a must be a URL/,
    )
    const tls = (text: string) => parse(`tls: ${text}\nservices: { a: http://a }`)
    expect(tls('{ cert_file: 7, http_2: yes }')).toThrow(
      /gateway\.tls\.certFile must be[\s\S]*gateway\.tls\.http_2 is an unknown/,
    )
    expect(tls('{ cert_file: a.pem, http2: maybe, key_file: a.key }')).toThrow(/gateway\.tls\.http2 must be true or false, got/)
    expect(tls('{ cert_file: a.pem }')).toThrow(/gateway\.tls\.keyFile must be the file of the certificate's key, got/)
    expect(tls("{ cert_file: a, key_file: b, names: { 'x.y': { certs: 1 } } }")).toThrow(
      /gateway\.tls\.names\.x\.y\.certs is an unknown option/,
    )
    for (const text of ['', '7', '[]', 'logger: x\nservices: { a: http://a }']) expect(parse(text)).toThrow(ConfigurationError)
  })
})

describe('reload of settings', () => {
  it('changes those that can change, also for connections that stand, and names the others', async () => {
    await using users = await service(echo)
    const config = { services: { 'user-service': users.url } }
    const warned: string[] = []
    const logger = { ...silent, warn: (text: string) => void warned.push(text) }
    await using gateway = await gatewayFor({ ...config, logger: logger as never })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const forwardedFor = async (): Promise<unknown> => (await seen(gateway, agent)).headers['x-forwarded-for']
    expect(await forwardedFor()).toBe('127.0.0.1')
    expect(gateway.reload({ ...config, trustedProxies: ['127.0.0.1'], healthPath: '/health' })).toEqual({ needsRestart: [] })
    expect([await forwardedFor(), warned]).toEqual(['6.6.6.6, 127.0.0.1', []])

    const report = gateway.reload({ ...config, trustedProxies: [], port: 9, maxHeaderBytes: 2048, tls: await createTlsFiles() })
    expect(report).toEqual({ needsRestart: ['port', 'maxHeaderBytes', 'healthPath', 'tls'] })
    expect(warned).toEqual([expect.stringContaining('port, maxHeaderBytes, healthPath, tls')])
    expect(await forwardedFor()).toBe('127.0.0.1')

    expect(() => gateway.reload({ ...config, trustedProxies: ['127.0.0.1'], port: -1 })).toThrow(/gateway\.port/)
    expect(() => gateway.reload({ trustedProxies: ['127.0.0.1'], services: { a: 'x' } })).toThrow(/services\.a/)
    expect(() => gateway.reload({ trustedProxies: ['x'], services: { a: 'x' } })).toThrow(/trustedProxies[\s\S]*services\.a/)
    expect(await forwardedFor()).toBe('127.0.0.1')
    agent.destroy()
  })

  it('takes on other certificates, whole or not at all, and no connection is dropped', async () => {
    const authority = await createAuthority()
    const folder = emptyFolder()
    put(folder, 'main', await authority.issue({ host: 'localhost' }))
    put(folder, 'own', await createTlsFiles())
    await using users = await service(echo)
    const file = join(folder, 'gateway.yaml')
    const write = (tls: string): void =>
      writeFileSync(file, `port: 0\ntls: { ${tls} }\nservices: { user-service: '${users.url}' }\n`)
    const main = 'cert_file: main.pem, key_file: main.key'
    write(main)
    await using gateway = await gatewayFor({ ...(await readGatewayConfig(file)) })
    let needsRestart: readonly string[] = []
    using watch = new ConfigWatch(gateway, {
      file,
      clock: new TestClock(),
      onReload: (_, report) => {
        needsRestart = report.needsRestart
      },
    })
    await watch.start()
    const standing = connect({ port: Number(new URL(gateway.url).port), host: '127.0.0.1', rejectUnauthorized: false })
    const answers = { text: '' }
    standing.setEncoding('latin1').on('data', (piece: string) => {
      answers.text += piece
    })
    const before = await fingerprint(gateway.url, 'api.example.com')

    write(`${main}, names: { 'api.example.com': { cert_file: none.pem, key_file: own.key } }`)
    expect([await watch.reload(), watch.problem?.message]).toEqual([
      false,
      expect.stringMatching(/gateway\.tls\.names\.api\.example\.com\.certFile cannot be read/),
    ])
    expect(await fingerprint(gateway.url, 'api.example.com')).toBe(before)

    write(`${main}, http2: false, names: { 'api.example.com': { cert_file: own.pem, key_file: own.key } }`)
    expect([await watch.reload(), needsRestart]).toEqual([true, ['tls.http2']])
    expect(await fingerprint(gateway.url, 'api.example.com')).not.toBe(before)
    expect(await fingerprint(gateway.url, 'elsewhere.test')).toBe(before)

    write('cert_file: own.pem, key_file: own.key')
    expect([await watch.reload(), needsRestart]).toEqual([true, []])
    expect(await fingerprint(gateway.url, 'elsewhere.test')).not.toBe(before)
    const ended = new Promise((resolve) => standing.once('close', resolve))
    standing.write('GET /api/v1/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await ended
    expect(answers.text).toMatch(/^HTTP\/1\.1 200 OK/)
  })
})

const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing, isEnabled: () => true }

function nothing(): void {}

function seen({ url }: Gateway, agent: Agent): Promise<Seen> {
  return new Promise((resolve, reject) => {
    get(`${url}/api/v1/users`, { agent, headers: { 'x-forwarded-for': '6.6.6.6' } }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve(JSON.parse(text) as Seen))
    }).on('error', reject)
  })
}
