import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE_MS = 200

/**
 * Makes a folder once for all processes of this machine: the first builds it, the others wait for it. It appears whole or not at
 * all, because it is built beside its place and renamed.
 *
 * @param build fills the folder `work`, which will be moved to `target`: absolute paths written into files name `target`
 */
export async function installOnce(target: string, build: (work: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return
  const unlock = await lock(`${target}.lock`)
  try {
    if (existsSync(target)) return
    const work = await mkdtemp(`${target}.part-`)
    try {
      await build(work)
      await rename(work, target)
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  } finally {
    await unlock()
  }
}

/** Waits while another living process holds the lock; the file holds its pid. */
export async function lock(file: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(String(process.pid))
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''))
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true })
    else await sleep(PAUSE_MS)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
