import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'

const LIMIT_MS = 30_000

/** Runs a script as a process of its own; gives what it printed. It must end by itself. */
async function outputOf(script: string, ...flags: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@comm/source', ...flags, join(import.meta.dirname, 'scripts', script)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT_MS,
  })
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect(status).toBe(0)
  return output.trim()
}

describe('in a process of its own', () => {
  it(
    'a timeout that is not needed any more does not keep the process alive',
    async () => {
      expect(Number(await outputOf('idle-timeouts.ts'))).toBeLessThan(5000)
    },
    LIMIT_MS,
  )

  it(
    'many calls leave nothing on the heap, whatever becomes of them',
    async () => {
      expect(Number(await outputOf('heap.ts', '--expose-gc'))).toBeLessThan(150_000)
    },
    LIMIT_MS,
  )
})
