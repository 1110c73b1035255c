import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { installOnce, lock } from '../../src/servers/install/install-once.ts'
import { waitFor } from '../../src/wait-for.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'comm-install-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('installOnce', () => {
  it('builds once for all who ask at the same time', async () => {
    let builds = 0
    const build = async (work: string) => {
      builds++
      await writeFile(join(work, 'file'), 'made')
    }
    const target = join(folder, 'thing')
    await Promise.all([1, 2, 3].map(() => installOnce(target, build)))
    expect(builds).toBe(1)
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('made')
    expect(await readdir(folder)).toEqual(['thing'])
  })

  it('leaves nothing of a build that failed, and the next one may succeed', async () => {
    const target = join(folder, 'thing')
    await expect(installOnce(target, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network')
    expect(await readdir(folder)).toEqual([])
    await installOnce(target, async () => undefined)
    expect(await readdir(folder)).toEqual(['thing'])
  })
})

describe('lock', () => {
  it('takes over from a process that died holding it', async () => {
    const file = join(folder, 'lock')
    const { stdout } = await promisify(execFile)(process.execPath, ['--print', 'process.pid'])
    await writeFile(file, stdout)
    const unlock = await lock(file)
    expect(await readFile(file, 'utf8')).toBe(String(process.pid))
    await unlock()
    expect(await readdir(folder)).toEqual([])
  })

  it('waits for one who lives', async () => {
    const file = join(folder, 'lock')
    const unlock = await lock(file)
    let got = false
    const second = lock(file).then((unlockSecond) => {
      got = true
      return unlockSecond
    })
    await expect(waitFor(() => got, { timeoutMs: 30 })).rejects.toThrow()
    await unlock()
    await (await second)()
  })
})
