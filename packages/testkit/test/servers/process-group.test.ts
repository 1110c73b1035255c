import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ProcessGroup } from '../../src/servers/process/process-group.ts'
import { waitFor } from '../../src/wait-for.ts'
import { isAlive } from '../support/is-alive.ts'

let folder: string
let log: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'comm-process-group-test-'))
  log = join(folder, 'log')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const shell = (script: string) => ({ command: '/bin/sh', args: ['-c', script] })

describe('ProcessGroup', () => {
  it('ends with everything it started', async () => {
    let ends = 0
    const group = await ProcessGroup.start(shell('sleep 100 & echo $!; wait'), folder, log, () => ends++)
    const child = Number(await waitFor(async () => (await readFile(log, 'utf8')).trim()))
    expect([isAlive(group.pid), isAlive(child), group.ended]).toEqual([true, true, undefined])
    await group.end(0)
    expect(group.ended).toBe('was ended by SIGKILL')
    await waitFor(() => !isAlive(child))
    expect(ends).toBe(1)
  })

  it('does not leave behind what a leader that ends by itself has started', async () => {
    const group = await ProcessGroup.start(shell('sleep 100 & echo $!; exit 4'), folder, log, () => undefined)
    const child = Number(await waitFor(async () => (await readFile(log, 'utf8')).trim()))
    await waitFor(() => group.ended !== undefined && !isAlive(child))
    expect(group.ended).toBe('exited with code 4')
  })

  it('is asked to end, and made to when it does not', async () => {
    const polite = await ProcessGroup.start(
      shell('trap "exit 0" TERM; echo up; while :; do sleep 0.01; done'),
      folder,
      log,
      () => undefined,
    )
    await waitFor(async () => (await readFile(log, 'utf8')) === 'up\n')
    await polite.end(10_000)
    expect(polite.ended).toBe('exited with code 0')
    const deaf = await ProcessGroup.start(
      shell('trap "" TERM; echo up; while :; do sleep 0.01; done'),
      folder,
      `${log}2`,
      () => undefined,
    )
    await waitFor(async () => (await readFile(`${log}2`, 'utf8')) === 'up\n')
    await deaf.end(50)
    expect(deaf.ended).toBe('was ended by SIGKILL')
  })

  it('ends also when it is stopped', async () => {
    const group = await ProcessGroup.start(shell('sleep 100'), folder, log, () => undefined)
    group.signal('SIGSTOP')
    await group.end(10_000)
    expect(group.ended).toBe('was ended by SIGTERM')
  })

  it('says why a program cannot be started', async () => {
    const missing = { command: join(folder, 'missing'), args: [] }
    await expect(ProcessGroup.start(missing, folder, log, () => undefined)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

/** What the watchdog is for can only be seen from outside the process that dies. */
describe('watchOver', () => {
  const HOLDER = `
    import { mkdtempSync } from 'node:fs'
    import { ProcessGroup } from '${join(import.meta.dirname, '../../src/servers/process/process-group.ts')}'
    import { watchOver } from '${join(import.meta.dirname, '../../src/servers/process/watchdog.ts')}'
    const folder = mkdtempSync('${join(tmpdir(), 'comm-watchdog-test-')}')
    const watchdog = watchOver(folder)
    const group = await ProcessGroup.start({ command: 'sleep', args: ['100'] }, folder, folder + '/log', () => watchdog.guard([]))
    watchdog.guard([group.pid])
    process.on('SIGTERM', async () => { await group.end(0); await watchdog.dismiss(); process.exit() })
    console.log(JSON.stringify({ pid: group.pid, folder }))
    setInterval(() => undefined, 1000)`

  it.each(['SIGKILL', 'SIGINT'] as const)('a process ended by %s leaves neither server nor folder', async (signal) => {
    const holder = spawn(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', HOLDER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(holder.stdout), 'line')) as [string]
    const { pid, folder: held } = JSON.parse(line) as { pid: number; folder: string }
    expect([isAlive(pid), existsSync(held)]).toEqual([true, true])
    holder.kill(signal)
    await waitFor(() => !isAlive(pid) && !existsSync(held))
  })

  it('touches nothing once dismissed', async () => {
    const holder = spawn(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', HOLDER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(holder.stdout), 'line')) as [string]
    const { pid, folder: held } = JSON.parse(line) as { pid: number; folder: string }
    holder.kill('SIGTERM')
    await once(holder, 'exit')
    expect([isAlive(pid), existsSync(held)]).toEqual([false, true])
    await rm(held, { recursive: true })
  })
})
