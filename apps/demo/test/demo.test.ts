import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, jest } from '@jest/globals'

const run = promisify(execFile)
const main = join(import.meta.dirname, '../src/main.ts')

interface Document {
  readonly ok: boolean
  readonly findings: readonly { readonly chapter: string; readonly claim: string; readonly happened: boolean }[]
}

jest.setTimeout(120_000)

describe('the demo', () => {
  it('shows every chapter, asserts it, and says so last', async () => {
    const { stdout } = await run(process.execPath, ['--conditions=@comm/source', main, '--once'])
    expect(stdout).toContain('✓ and say so in the audit log (spiffe://shop.example/users not-allowed)')
    expect(stdout).toContain('✓ the breaker opened after 3 failures (open)')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('demo: ok')
  })

  it('gives machines one JSON document', async () => {
    const { stdout } = await run(process.execPath, ['--conditions=@comm/source', main, '--json'])
    const { ok, findings } = JSON.parse(stdout) as Document
    expect(ok).toBe(true)
    expect([...new Set(findings.map(({ chapter }) => chapter))]).toEqual([
      'An order',
      'Identities',
      'A failing service',
      'A flaky handler',
      'A poison message',
      'A graceful shutdown',
    ])
    expect(findings.filter(({ happened }) => !happened)).toEqual([])
  })

  it('refuses an unknown option', async () => {
    await expect(run(process.execPath, ['--conditions=@comm/source', main, '--twice'])).rejects.toMatchObject({ code: 2 })
  })
})
