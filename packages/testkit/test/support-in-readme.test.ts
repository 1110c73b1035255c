import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BROKER_CONTRACT, type CaseReport, type ContractReport, supportInReadme } from '@comm/testkit'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'

const ALL = BROKER_CONTRACT.flatMap(({ name, cases }) => cases.map(({ id, title }) => ({ id, title, theme: name })))

/** A whole run in which all passed but what is said of single cases. */
function run(subject: string, but: Readonly<Record<string, Partial<CaseReport>>> = {}): ContractReport {
  return { subject, cases: ALL.map((each) => ({ ...each, durationMs: 1, outcome: 'passed', ...but[each.id] })) }
}

const noDelay = { delay: { outcome: 'skipped', reason: 'features.delay is false' } } as const
const delayTitle = ALL.find(({ id }) => id === 'delay')?.title

describe('supportInReadme', () => {
  let folder: string
  let readme: string
  const write = (report: ContractReport): void => supportInReadme(readme, { write: true })(report)
  const compare = (report: ContractReport): void => supportInReadme(readme, { write: false })(report)

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'comm-readme-'))
    readme = join(folder, 'README.md')
    const block = '<!-- support table: made from a run of the contract suite -->\n<!-- end of the support table -->'
    writeFileSync(readme, `# before\n\n${block}\n\nafter\n`)
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('writes a column for each broker, and leaves the rest of the file alone', () => {
    write(run('one'))
    write(run('two', noDelay))
    write(run('one'))
    const text = readFileSync(readme, 'utf8')
    expect(text).toMatch(/^# before\n/)
    expect(text).toMatch(/\nafter\n$/)
    expect(text).toContain('| case | one | two |')
    expect(text).toContain(`| ${delayTitle} | yes | – [1] |`)
    expect(text).toContain('[1] features.delay is false')
    expect(text.split('\n').filter((line) => line.startsWith('| '))).toHaveLength(ALL.length + 1)
  })

  it('accepts the run that it was made from', () => {
    write(run('one', noDelay))
    write(run('two'))
    expect(() => compare(run('one', noDelay))).not.toThrow()
    expect(() => compare(run('two'))).not.toThrow()
  })

  it.each<[string, ContractReport]>([
    ['a case that does not run any more', run('one', noDelay)],
    ['another reason', run('two', { delay: { outcome: 'skipped', reason: 'it rains' } })],
    ['a case that runs now', run('two')],
    ['a broker that is not in it', run('three')],
  ])('refuses %s, and says where they disagree', (_, report) => {
    write(run('one'))
    write(run('two', noDelay))
    const before = readFileSync(readme, 'utf8')
    expect(() => compare(report)).toThrow(`does not state what ${report.subject} showed`)
    expect(() => compare(report)).toThrow(report.subject === 'three' ? '+ | case | one | two | three |' : '+ ')
    expect(readFileSync(readme, 'utf8')).toBe(before)
  })

  it('learns nothing from a part of the suite, or from a failure', () => {
    write(run('one'))
    const part = run('one', noDelay)
    expect(() => compare({ ...part, cases: part.cases.slice(1) })).not.toThrow()
    expect(() => compare(run('one', { delay: { outcome: 'failed', reason: 'x' } }))).not.toThrow()
  })

  it('says what is missing in a README without the block', () => {
    writeFileSync(readme, '# nothing\n')
    expect(() => compare(run('one'))).toThrow('has no support table: put <!-- support table')
  })
})
