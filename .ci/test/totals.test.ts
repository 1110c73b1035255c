import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sumUp } from '../totals.ts'
import TotalsReporter from '../totals-reporter.ts'

const start = '{"event":"start"}\n'

function end(passed: number, failed: number, brokenFiles = 0): string {
  return `${JSON.stringify({ event: 'end', passed, failed, brokenFiles })}\n`
}

describe('sumUp', () => {
  it.each([
    ['one run', start + end(12, 0), { passed: 12, failed: 0, problems: [] }],
    ['several runs', start + end(12, 1) + start + end(3, 2), { passed: 15, failed: 3, problems: [] }],
    ['a file that cannot be loaded', start + end(12, 0, 1), { passed: 12, failed: 1, problems: [] }],
    [
      'a run that crashed',
      start + end(12, 0) + start,
      { passed: 12, failed: 0, problems: ['1 of 2 Jest runs did not come to its end'] },
    ],
    ['a run without tests', start + end(0, 0), { passed: 0, failed: 0, problems: ['no test ran'] }],
    ['no run at all', '', { passed: 0, failed: 0, problems: ['no test ran'] }],
  ])('of %s', (_, notes, totals) => {
    expect(sumUp(notes)).toEqual(totals)
  })
})

describe('the totals', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'comm-totals-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const print = (file: string) =>
    spawnSync(process.execPath, [join(import.meta.dirname, '../totals.ts'), file], { encoding: 'utf8' })

  it('that the reporter notes are the ones that are printed', () => {
    const file = join(folder, 'noted')
    const reporter = new TotalsReporter({}, { file })
    reporter.onRunStart()
    reporter.onRunComplete(new Set(), { numPassedTests: 40, numFailedTests: 2, numRuntimeErrorTestSuites: 1 })
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(3)
    expect(print(file)).toMatchObject({ stdout: '40 passed, 3 failed\n', status: 1 })
  })

  it.each([
    ['good', start + end(5, 0), '5 passed, 0 failed\n', 0],
    ['crashed', start, '0 passed, 0 failed\n', 1],
  ])('end with the right code when the run was %s', (name, notes, stdout, status) => {
    const file = join(folder, name)
    writeFileSync(file, notes)
    expect(print(file)).toMatchObject({ stdout, status })
  })

  it('are nought when Jest never began', () => {
    expect(print(join(folder, 'absent'))).toMatchObject({ stdout: '0 passed, 0 failed\n', status: 1 })
  })
})
