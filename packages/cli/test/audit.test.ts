import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditTrail } from '@comm/logging'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inProcess as comm } from './support/in-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'comm-cli-audit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const key = 'a key that nobody knows'
const keyFile = join(folder, 'key')
writeFileSync(keyFile, `${key}\n`)

function trail(name: string) {
  const file = join(folder, name)
  using written = auditTrail({ file, key })
  for (const id of [1, 2, 3]) written.record({ action: 'order.cancel', resource: `order/${id}`, outcome: 'success' })
  return { file, head: `${written.head.seq}:${written.head.hash}` }
}

describe('comm audit verify', () => {
  it('says that a trail is intact, and its head', async () => {
    const { file, head } = trail('intact')
    const { code, stdout } = await comm(['audit', 'verify', file, '--key-file', keyFile, '--head', head])
    expect(stdout).toBe(`intact: 3 records\nhead ${head}\n`)
    expect(code).toBe(0)
  })

  it('says where it was changed, and ends with 1', async () => {
    const { file } = trail('changed')
    writeFileSync(file, readFileSync(file, 'utf8').replace('order/2', 'order/9'))
    const { code, stdout } = await comm(['audit', 'verify', file, '--key-file', keyFile])
    expect(stdout).toMatch(/^BROKEN: 1 records; line 2: its hash is not that of its content/)
    expect(code).toBe(1)
  })

  it('finds what was cut off the end, as JSON', async () => {
    const { file, head } = trail('cut')
    writeFileSync(file, `${readFileSync(file, 'utf8').split('\n', 1)[0]}\n`)
    const { code, stdout } = await comm(['audit', 'verify', file, '--key-file', keyFile, '--head', head, '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      intact: false,
      records: 1,
      broken: { reason: expect.stringContaining('record 3 was noted') },
    })
    expect(code).toBe(1)
  })

  it.each([
    [['audit', 'verify'], /missing required argument 'file'/],
    [['audit', 'verify', 'no-such-file'], /the audit trail cannot be read: ENOENT/],
    [['audit', 'verify', 'x', '--key-file', 'no-such-key'], /the key cannot be read from "no-such-key": ENOENT/],
    [['audit', 'verify', 'x', '--head', '3'], /It must be a number, a colon and 64 hexadecimal digits/],
  ])('%j is a wrong command line', async (words, message) => {
    const { code, stderr } = await comm(words)
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })
})
