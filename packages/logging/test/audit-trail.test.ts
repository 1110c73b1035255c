import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInContext, ValidationError } from '@comm/core'
import { auditTrail, createLogger, type LogEntry, securityLogger, verifyAuditTrail, withAudit } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { afterAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'

const folder = mkdtempSync(join(tmpdir(), 'comm-audit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const key = 'a key that nobody knows'
let files = 0
function newFile(): string {
  files += 1
  return join(folder, `${files}.jsonl`)
}

/** A trail of so many records. */
function written(records: number, options: { readonly key?: string } = {}): string {
  const file = newFile()
  using trail = auditTrail({ file, clock: new TestClock(), ...options })
  for (let at = 1; at <= records; at += 1) {
    trail.record({ action: 'order.cancel', resource: `order/${at}`, outcome: 'success', subject: 'ada' })
  }
  return file
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n')
}

describe('an audit trail', () => {
  it('is lines of JSON, each sealed by the one before', async () => {
    const file = newFile()
    using trail = auditTrail({ file, clock: new TestClock(), sync: true })
    runInContext({ correlationId: 'call-1' }, () =>
      trail.record({
        action: 'user.update',
        resource: 'user/7',
        outcome: 'denied',
        reason: 'no scope',
        details: { password: 'p' },
      }),
    )
    const second = trail.record({ action: 'role.grant', resource: 'user/7', outcome: 'success', subject: 'root', address: '::1' })
    const [first, last] = linesOf(file).map((line) => JSON.parse(line))
    expect(first).toEqual({
      seq: 1,
      timestamp: '2026-01-01T00:00:00.000Z',
      audit: {
        action: 'user.update',
        resource: 'user/7',
        outcome: 'denied',
        reason: 'no scope',
        details: { password: '[redacted]' },
      },
      correlationId: 'call-1',
      previous: '0'.repeat(64),
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(last).toEqual(second)
    expect(second.previous).toBe(first.hash)
    expect(trail.head).toEqual({ seq: 2, hash: second.hash })
    expect(await verifyAuditTrail(file)).toEqual({ intact: true, records: 2, head: trail.head, torn: 0 })
  })

  it('goes on where it ended, also after a crash in the middle of a record', async () => {
    const file = written(3)
    appendFileSync(file, linesOf(file)[2]?.slice(0, 60) ?? '')
    using trail = auditTrail({ file })
    expect(trail.head.seq).toBe(3)
    trail.record({ action: 'a', resource: 'r', outcome: 'success' })
    expect(await verifyAuditTrail(file)).toMatchObject({ intact: true, records: 4, torn: 1 })
  })

  it('finds its end behind a record that is larger than what is read at once', () => {
    const file = newFile()
    const details = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`k${at}`, 'x'.repeat(8000)]))
    auditTrail({ file })[Symbol.dispose]()
    {
      using trail = auditTrail({ file })
      trail.record({ action: 'small', resource: 'r', outcome: 'success' })
      trail.record({ action: 'large', resource: 'r', outcome: 'success', details })
    }
    using again = auditTrail({ file })
    expect(again.head.seq).toBe(2)
  })

  it('is not continued when its last record is not what was written, or was written with another key', () => {
    const file = written(2, { key })
    expect(() => auditTrail({ file, key: 'another key of enough bytes' })).toThrow(ValidationError)
    writeFileSync(file, readFileSync(file, 'utf8').replace('order/2', 'order/3'))
    expect(() => auditTrail({ file, key })).toThrow(/record 2 of the audit trail .* is not what was written/)
  })

  it('takes no record once closed', () => {
    const trail = auditTrail({ file: newFile() })
    trail.close()
    trail.close()
    expect(() => trail.record({ action: 'a', resource: 'r', outcome: 'success' })).toThrow('is closed')
  })
})

describe('verifyAuditTrail', () => {
  const tampered = (change: (lines: string[]) => string[]): string => {
    const file = written(5)
    writeFileSync(file, `${change(linesOf(file)).join('\n')}\n`)
    return file
  }

  it.each<[string, (lines: string[]) => string[], object]>([
    [
      'a changed record',
      (lines) => lines.with(2, lines[2]?.replace('"ada"', '"eve"') ?? ''),
      { line: 3, reason: /its hash is not/ },
    ],
    ['a record taken out', (lines) => lines.toSpliced(1, 1), { line: 2, reason: /record 3 where record 2 should be/ }],
    ['the first record taken out', (lines) => lines.slice(1), { line: 1, reason: /record 2 where record 1 should be/ }],
    ['records in another order', ([a = '', b = '', ...rest]) => [b, a, ...rest], { line: 1, reason: /record 2 where/ }],
    ['a record twice', ([a = '', ...rest]) => [a, a, ...rest], { line: 2, reason: /record 1 where record 2/ }],
  ])('finds %s', async (_what, change, { line, reason }: { line?: number; reason?: RegExp }) => {
    const found = await verifyAuditTrail(tampered(change))
    expect(found).toMatchObject({ intact: false, broken: { line, reason: expect.stringMatching(reason as RegExp) } })
  })

  it('finds any change of a byte in a record', async () => {
    const file = written(4, { key })
    const text = readFileSync(file)
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 2), fc.integer({ min: 1, max: 127 }), async (at, flip) => {
        const changed = Buffer.from(text)
        changed[at] = (changed[at] ?? 0) ^ flip
        writeFileSync(file, changed)
        const { intact, records, torn } = await verifyAuditTrail(file, { key })
        // The last record, made unreadable, looks like one that a crash has torn: `head` is for that.
        expect(intact && records === 4 && torn === 0).toBe(false)
      }),
      { numRuns: 300 },
    )
  }, 180_000)

  it('finds what was cut off the end, when the head was noted', async () => {
    const file = written(5)
    const { head } = await verifyAuditTrail(file)
    expect(await verifyAuditTrail(file, { head })).toMatchObject({ intact: true })
    writeFileSync(file, `${linesOf(file).slice(0, 3).join('\n')}\n`)
    expect(await verifyAuditTrail(file)).toMatchObject({ intact: true, records: 3 })
    expect(await verifyAuditTrail(file, { head })).toMatchObject({
      intact: false,
      broken: { reason: 'the trail ends with record 3, and record 5 was noted' },
    })
    const other = await verifyAuditTrail(written(5, { key }), { key, head })
    expect(other).toMatchObject({ intact: false, broken: { line: 5, reason: 'record 5 is not the one that was noted' } })
  })

  it('does not take a trail without the key', async () => {
    expect(await verifyAuditTrail(written(2, { key }))).toMatchObject({ intact: false, records: 0, broken: { line: 1 } })
  })
})

describe('withAudit', () => {
  it('writes its events there too', async () => {
    const file = newFile()
    const trail = auditTrail({ file, clock: new TestClock() })
    const entries: LogEntry[] = []
    const logger = createLogger({ env: {}, destination: (_line, entry) => void entries.push(entry) })
    const security = withAudit(securityLogger(logger), trail, logger)
    security.authentication({ outcome: 'failure', method: 'jwt', reason: 'expired', address: '10.0.0.7' })
    security.authorization({ outcome: 'denied', action: 'publish', resource: 'order.created', subject: 'ada' })
    security.suspicious({ kind: 'token-replayed', severity: 'high', reason: 'used twice', details: { count: 2 } })
    expect(linesOf(file).map((line) => JSON.parse(line).audit)).toEqual([
      { outcome: 'failure', reason: 'expired', address: '10.0.0.7', method: 'jwt', action: 'authenticate', resource: 'jwt' },
      { outcome: 'denied', action: 'publish', resource: 'order.created', subject: 'ada' },
      {
        reason: 'used twice',
        action: 'suspicious',
        resource: 'token-replayed',
        outcome: 'failure',
        details: { severity: 'high', count: 2 },
      },
    ])
    trail.close()
    security.authentication({ outcome: 'success', method: 'mtls' })
    expect(entries.at(-1)).toMatchObject({ level: 'error', event: 'audit-failure', error: { code: 'COMM_CLOSED' } })
  })
})

describe('a disk that is full for a while', () => {
  // A limit on the size of files is the nearest to it that a test can have: a write is cut short, the next one fails.
  it('costs the record that was refused, and none after it', async () => {
    const file = newFile()
    const program = `
      import { execFileSync } from 'node:child_process'
      import { auditTrail } from '@comm/logging'
      const trail = auditTrail({ file: ${JSON.stringify(file)} })
      let failed
      for (let at = 0; failed === undefined; at += 1) {
        try {
          trail.record({ action: 'a', resource: 'r', outcome: 'success', reason: 'x'.repeat(100) })
        } catch (thrown) {
          failed = thrown.code
        }
      }
      execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited'])
      const { seq } = trail.record({ action: 'b', resource: 'r', outcome: 'success' })
      console.log(failed, seq)`
    const node = [process.execPath, '--conditions=@comm/source', '--input-type=module', '--eval', program]
    const { stdout, stderr } = spawnSync('prlimit', ['--fsize=2048:unlimited', ...node], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    })
    const [failed, seq] = stdout.trim().split(' ')
    expect([failed, stderr]).toEqual(['EFBIG', ''])
    expect(await verifyAuditTrail(file)).toMatchObject({ intact: true, records: Number(seq), torn: 1 })
  }, 180_000)
})
