import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError, silentLogger, type TlsMaterial, type TlsOptions, TlsReloader } from '@comm/core'
import { TestClock, waitFor } from '@comm/testkit'
import { createTlsFiles, type TlsFiles } from '@comm/testkit/servers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

let root: string
let old: TlsFiles
let renewed: TlsFiles
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'comm-reload-'))
  ;[old, renewed] = await Promise.all([createTlsFiles(), createTlsFiles()])
})
afterAll(() => rm(root, { recursive: true }))

async function write(folder: string, { ca, cert, key }: TlsFiles): Promise<void> {
  await mkdir(folder, { recursive: true })
  await Promise.all([
    writeFile(join(folder, 'ca.pem'), ca),
    writeFile(join(folder, 'tls.crt'), cert),
    writeFile(join(folder, 'tls.key'), key),
  ])
}

function filesIn(folder: string): { caFile: string; certFile: string; keyFile: string } {
  return { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
}

async function watched(): Promise<{ folder: string; clock: TestClock; warnings: string[]; reloader: TlsReloader }> {
  const folder = await mkdtemp(join(root, 'case-'))
  await write(folder, old)
  const clock = new TestClock()
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
  return { folder, clock, warnings, reloader: new TlsReloader('x.tls', filesIn(folder), { clock, logger, pollMs: 5000 }) }
}

/** Lets the next look happen and waits until it is over: files are read in real time. */
async function look(clock: TestClock): Promise<void> {
  await clock.advance(5000)
  await waitFor(() => clock.nextTimerInMs !== undefined)
}

describe('a TLS reloader', () => {
  it('reads at once, and gives the same object until the files change', async () => {
    const { clock, folder, reloader } = await watched()
    const first = reloader.current
    expect(first).toEqual(old)
    await write(folder, old)
    await look(clock)
    expect(reloader.current).toBe(first)
    reloader[Symbol.dispose]()
    expect(clock.nextTimerInMs).toBeUndefined()
  })

  it('tells its listeners of replaced files, until they leave', async () => {
    const { clock, folder, reloader } = await watched()
    const heard: TlsMaterial[] = []
    const leave = reloader.onChange((material) => heard.push(material))
    await write(folder, renewed)
    await look(clock)
    expect(reloader.current).toEqual(renewed)
    expect(heard).toEqual([renewed])
    leave()
    await write(folder, old)
    await look(clock)
    expect(reloader.current).toEqual(old)
    expect(heard).toHaveLength(1)
    reloader[Symbol.dispose]()
  })

  it('follows symbolic links, as Kubernetes swaps the folder of a mounted secret', async () => {
    const folder = await mkdtemp(join(root, 'mount-'))
    await write(join(folder, '..1'), old)
    await write(join(folder, '..2'), renewed)
    await symlink('..1', join(folder, '..data'))
    for (const name of ['ca.pem', 'tls.crt', 'tls.key']) await symlink(join('..data', name), join(folder, name))
    using reloader = new TlsReloader('x.tls', filesIn(folder))
    await symlink('..2', join(folder, '..data_tmp'))
    await rename(join(folder, '..data_tmp'), join(folder, '..data'))
    expect(await reloader.reload()).toBe(true)
    expect(reloader.current).toEqual(renewed)
    expect(await reloader.reload()).toBe(false)
  })

  it('keeps the last good pair while a new one is half written, and says so once', async () => {
    const { clock, folder, reloader, warnings } = await watched()
    const { certFile, keyFile } = filesIn(folder)
    await writeFile(certFile, renewed.cert)
    await look(clock)
    expect(reloader.current).toEqual(old)
    expect(reloader.problem?.message).toMatch(/^x\.tls certificate and key do not belong together: CN=localhost/)
    await look(clock)
    expect(warnings).toHaveLength(1)
    await writeFile(keyFile, renewed.key.slice(0, 100))
    await look(clock)
    expect(reloader.problem?.message).toMatch(/^x\.tls key cannot be used: /)
    await rm(keyFile)
    await look(clock)
    expect(reloader.problem?.message).toMatch(/^x\.tls\.keyFile cannot be read: ENOENT/)
    expect(reloader.current).toEqual(old)
    expect(warnings).toHaveLength(3)
    expect(warnings.join()).not.toContain('PRIVATE KEY')
    await writeFile(keyFile, renewed.key)
    await clock.advance(1000)
    await waitFor(() => reloader.problem === undefined)
    expect(reloader.current).toMatchObject({ cert: renewed.cert, key: renewed.key, ca: old.ca })
    reloader[Symbol.dispose]()
  })

  it('looks at nothing where texts were given', async () => {
    const clock = new TestClock()
    using reloader = new TlsReloader('x.tls', { ...old, serverName: 'other' }, { clock })
    expect(reloader.current).toEqual({ ...old, servername: 'other' })
    expect(clock.nextTimerInMs).toBeUndefined()
  })

  it('goes on when a listener throws', async () => {
    const { clock, folder, reloader } = await watched()
    const heard: string[] = []
    reloader.onChange(() => {
      throw new Error('listener broke')
    })
    reloader.onChange(() => heard.push('second'))
    await write(folder, renewed)
    await look(clock)
    expect(heard).toEqual(['second'])
    reloader[Symbol.dispose]()
  })

  it.each([
    ['a missing file', () => ({ caFile: join(root, 'none') }), /^x\.tls\.caFile cannot be read: ENOENT/],
    ['a certificate without key', () => ({ cert: old.cert }), /^x\.tls has a certificate without its key/],
    ['a key without certificate', () => ({ key: old.key }), /^x\.tls has a key without its certificate/],
    ['two that do not belong together', () => ({ cert: old.cert, key: renewed.key }), /do not belong together/],
    ['no certificate', () => ({ cert: 'none', key: old.key }), /^x\.tls certificate cannot be used/],
    ['no authority', () => ({ ca: old.ca.slice(0, 200) }), /^x\.tls authority cannot be used: it holds no PEM/],
    ['two in one line', () => ({ ca: old.ca.trimEnd() + renewed.ca }), /a line goes on behind the end of a certificate/],
    ['a bundle that was cut off', () => ({ ca: old.ca + renewed.ca.slice(0, 200) }), /ends in the middle/],
    ['an unknown option', () => ({ passwort: 'x' }) as TlsOptions, /^x\.tls\.passwort is an unknown option/],
  ])('refuses %s at the door', (_what, options, message) => {
    const make = (): TlsReloader => new TlsReloader('x.tls', options())
    expect(make).toThrow(ConfigurationError)
    expect(make).toThrow(message)
  })
})
