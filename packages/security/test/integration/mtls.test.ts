import { type ChildProcess, fork } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AllowedIdentity } from '@comm/security/mtls'
import { waitFor } from '@comm/testkit'
import { createAuthority, type TlsFiles } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ClientQuestion, ClientReply } from './scripts/mtls-client.ts'
import type { ServerTold } from './scripts/mtls-server.ts'

const ID = 'spiffe://test.example/billing'
const root = await mkdtemp(join(tmpdir(), 'comm-mtls-'))
const authority = await createAuthority()
const stranger = await createAuthority('another authority')
const yesterday = new Date(Date.now() - 86_400_000)
const processes: ChildProcess[] = []
const lines: string[] = []

function start(script: string, ...parameters: string[]): ChildProcess {
  const child = fork(join(import.meta.dirname, 'scripts', script), parameters, { execArgv: ['--conditions=@comm/source'] })
  processes.push(child)
  return child
}

/** A folder with files in it, made or replaced one by one. */
async function folder(name: string, files: TlsFiles, ca = files.ca): Promise<string> {
  const path = join(root, name)
  await import('node:fs/promises').then(({ mkdir }) => mkdir(path, { recursive: true }))
  await Promise.all([
    writeFile(join(path, 'ca.pem'), ca),
    writeFile(join(path, 'cert.pem'), files.cert),
    writeFile(join(path, 'key.pem'), files.key),
  ])
  return path
}

let server: ChildProcess
let client: ChildProcess
let clientGone: Promise<never>
let port = 0

/** Starts a server whose files are in a folder. @returns its port */
async function serve(path: string): Promise<readonly [child: ChildProcess, port: number]> {
  const child = start('mtls-server.ts', path)
  const ready = Promise.withResolvers<number>()
  child.on('message', (told: ServerTold) => {
    if ('port' in told) ready.resolve(told.port)
    else if ('line' in told) lines.push(told.line)
  })
  return [child, await ready.promise]
}

async function allow(child: ChildProcess, identities: readonly AllowedIdentity[]): Promise<void> {
  const allowed = Promise.withResolvers<void>()
  const listen = (told: ServerTold): void => {
    if ('allowed' in told) allowed.resolve()
  }
  child.on('message', listen)
  child.send({ allow: identities })
  await allowed.promise
  child.off('message', listen)
}

async function ask(question: ClientQuestion): Promise<ClientReply> {
  const answered = once(client, 'message')
  client.send(question)
  return ((await Promise.race([answered, clientGone])) as [ClientReply])[0]
}

const call = async (path: string, at = port, serverName = 'localhost'): Promise<string> =>
  (await ask({ do: 'call', port: at, folder: path, serverName })).text

let good = ''
beforeAll(async () => {
  const served = await folder('server', await authority.issue())
  good = await folder('client', await authority.issue({ uris: [ID] }))
  client = start('mtls-client.ts')
  clientGone = once(client, 'exit').then(() => Promise.reject(new Error('the client process ended')))
  clientGone.catch(() => undefined)
  ;[server, port] = await serve(served)
  await allow(server, [{ spiffeId: ID, scopes: ['orders:read'] }])
})

afterAll(async () => {
  for (const child of processes) {
    if (!child.connected) continue
    const exited = once(child, 'exit')
    child.disconnect()
    await exited
  }
  await rm(root, { recursive: true })
})

/** Waits until the security log says why. */
async function securityLine(reason: string): Promise<void> {
  await waitFor(() => lines.some((line) => line.includes(reason))).catch(() => expect(lines).toContain(reason))
}

describe('mutual TLS between two processes', () => {
  it('lets the right certificate in, as its SPIFFE id', async () => {
    expect(await call(good)).toBe(`200 ${ID}`)
  })

  it('refuses a caller whose certificate another authority has signed, and says so', async () => {
    const path = await folder('foreign', await stranger.issue({ uris: [ID] }), authority.ca)
    expect(await call(path)).toMatch(/^COMM_CONNECTION /)
    await securityLine('handshake: UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  it('refuses a caller whose certificate has expired, and says so', async () => {
    const path = await folder('expired', await authority.issue({ uris: [ID], notAfter: yesterday }))
    expect(await call(path)).toMatch(/^COMM_CONNECTION /)
    await securityLine('handshake: CERT_HAS_EXPIRED')
  })

  it('refuses a caller with another name, and one that is no longer on the list', async () => {
    const path = await folder('other', await authority.issue({ uris: ['spiffe://test.example/other'] }))
    expect(await call(path)).toBe('401')
    await securityLine("not-allowed: no entry of the allow list fits the client certificate for 'spiffe://test.example/other'")
    await allow(server, [])
    expect(await call(good)).toBe('401')
    await securityLine(`for '${ID}'`)
    await allow(server, [{ spiffeId: ID }])
    expect(await call(good)).toBe(`200 ${ID}`)
  })

  it.each<[string, () => Promise<TlsFiles>, string, RegExp]>([
    [
      'another authority has signed',
      async () => ({ ...(await stranger.issue()), ca: authority.ca }),
      'localhost',
      /TLS handshake.*(issuer|self.signed|verify)/i,
    ],
    ['has expired', () => authority.issue({ notAfter: yesterday }), 'localhost', /TLS handshake.*expired/i],
    ['has another name', () => authority.issue({ host: 'other.test' }), 'localhost', /TLS handshake.*localhost/i],
  ])('a caller refuses a server whose certificate %s, with a clear error', async (what, issue, serverName, message) => {
    const [, at] = await serve(await folder(`server ${what}`, await issue()))
    const told = await call(good, at, serverName)
    expect(told).toMatch(/^COMM_CONNECTION /)
    expect(told).toMatch(message)
  })

  it('loses no call while files are replaced under load, half-written ones included', async () => {
    const path = await folder('client under load', await authority.issue({ uris: [ID] }))
    const served = join(root, 'server')
    await ask({ do: 'load', port, folder: path, inFlight: 4 })
    const serials: string[] = []
    for (let round = 0; round < 4; round++) {
      for (const at of [served, path]) {
        const fresh = await authority.issue({ uris: [ID] })
        if (at === served) serials.push(new X509Certificate(fresh.cert).serialNumber)
        // First half a certificate, then a whole one whose key has not come yet, then both.
        await writeFile(join(at, 'cert.pem'), fresh.cert.slice(0, fresh.cert.length / 2))
        await new Promise((resolve) => setTimeout(resolve, 100))
        await writeFile(join(at, 'next.pem'), fresh.cert)
        await rename(join(at, 'next.pem'), join(at, 'cert.pem'))
        await new Promise((resolve) => setTimeout(resolve, 100))
        await writeFile(join(at, 'key.pem'), fresh.key)
      }
      const last = serials.at(-1) as string
      await waitFor(
        async () =>
          (await call(good)).startsWith('200') && lines.filter((line) => line.includes('files were replaced')).length > round,
      )
      expect(last).toMatch(/^[0-9A-F]+$/)
      // Long enough that connections are made with each of them.
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
    const { calls, failures, serials: shown } = await ask({ do: 'stop' })
    expect(failures).toEqual([])
    expect(calls).toBeGreaterThan(100)
    expect(shown).toEqual(expect.arrayContaining(serials))
  }, 120_000)
})
