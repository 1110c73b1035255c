import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describe, expect, it } from '@jest/globals'
import { waitFor } from '../../../src/wait-for.ts'

const SCRIPT = `
import { readlinkSync } from 'node:fs'
import { startRabbitMQ, startRedis } from '@comm/testkit/servers'
const servers = await Promise.all([startRedis(), startRabbitMQ()])
console.log(JSON.stringify(servers.map(({ pid }) => readlinkSync('/proc/' + pid + '/cwd'))))
setInterval(() => undefined, 1000)`

/** Processes that run in one of the folders: the servers, their helpers and whatever these started. */
function processesIn(folders: readonly string[]): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return folders.some((folder) => readlinkSync(`/proc/${pid}/cwd`).startsWith(folder))
      } catch {
        return false
      }
    })
    .map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
}

describe('servers whose test run dies', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)(
    'do not outlive it (%s)',
    async (signal) => {
      const run = spawn(process.execPath, ['--conditions=@comm/source', '--input-type=module', '--eval', SCRIPT], {
        cwd: import.meta.dirname,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(createInterface(run.stdout), 'line')) as [string]
      const folders = JSON.parse(line) as string[]
      expect(processesIn(folders)).toEqual(expect.arrayContaining(['redis-server', 'beam.smp', 'epmd']))
      run.kill(signal)
      await waitFor(() => processesIn(folders).length === 0 && !folders.some((folder) => existsSync(folder)))
    },
    120_000,
  )
})
