import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'

const run = promisify(execFile)
const example = (...words: readonly string[]) =>
  run(process.execPath, ['--conditions=@comm/source', join(import.meta.dirname, '../main.ts'), ...words], { timeout: 60_000 })

describe('pnpm example', () => {
  it('resilience-patterns shows every pattern and asserts it', async () => {
    const { stdout, stderr } = await example('resilience-patterns')
    const lines = stdout.trimEnd().split('\n')
    expect(stderr).toBe('')
    expect(lines.slice(0, -2).map((line) => line.split(':')[0])).toEqual([
      '✓ Circuit breaker',
      '✓ Retry',
      '✓ Timeout',
      '✓ Bulkhead',
      '✓ Rate limit',
      '✓ Fallback',
      '✓ Hedging',
      '✓ A breaker for each instance',
      '✓ Adaptive limit',
      '✓ Load shedding',
      '✓ Chaos',
      '✓ Named policies',
    ])
    expect(lines.at(-1)).toBe('resilience-patterns: ok')
  }, 60_000)

  it('names the examples when asked for one that is not there', async () => {
    await expect(example('no-such-example')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('resilience-patterns'),
    })
  }, 60_000)
})
