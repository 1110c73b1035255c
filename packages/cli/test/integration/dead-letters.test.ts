import { randomUUID } from 'node:crypto'
import type { CommunicationManager } from '@comm/manager'
import { waitFor } from '@comm/testkit'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { inProcess } from '../support/in-process.ts'
import { BROKERS, environmentFor, service } from './support/brokers.ts'
import { comm, jsonLines } from './support/comm.ts'

describe.each(BROKERS)('dead letters on $type', (row) => {
  const topic = `cli-${randomUUID()}`
  const words = [topic, '--group', 'billing'] as const
  const handled: unknown[] = []
  let env: Readonly<Record<string, string>> = {}
  let manager: CommunicationManager
  let isMended = false

  const dlq = (command: string, ...more: readonly string[]) => comm(['dlq', command, ...words, ...more], { env })
  const ids = async (): Promise<readonly unknown[]> => jsonLines(await dlq('list', '--json')).map(({ id }) => id)

  beforeAll(async () => {
    env = await environmentFor(row)
    manager = service(env)
    const fail = (body: unknown): void => {
      if (!isMended) throw new TypeError(`cannot bill ${JSON.stringify(body)}\u001b[31m`)
      handled.push(body)
    }
    await manager.messaging.subscribe(topic, fail, { group: 'billing', retry: { maxAttempts: 1 } })
    await manager.messaging.publish(topic, { order: 1 }, { id: 'first', key: 'ada', headers: { authorization: 'Bearer s3cret' } })
    await manager.messaging.publish(topic, { order: 2 }, { id: 'second' })
    await manager.messaging.publish(topic, 'x'.repeat(5000), { id: 'long' })
    const letters = manager.messaging.deadLetters(topic, 'billing')
    await waitFor(async () => (await letters.count()) === 3, { what: 'three dead letters' })
  }, 120_000)
  afterAll(() => manager?.shutdown())

  it('lists them as a table, and does nothing to the terminal', async () => {
    const { code, stdout, stderr } = await dlq('list')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [heading, ...rows] = stdout.trimEnd().split('\n')
    expect(heading).toMatch(/^ID +DIED AT +REASON +CODE +ATTEMPTS +MESSAGE$/)
    expect(rows).toHaveLength(3)
    expect(rows[0]).toMatch(/ \d{4}-\d\d-\d\dT[\d:.]+Z +attempts +COMM_UNKNOWN +1 +cannot bill \{"order":1\}\\u001b\[31m$/)
  }, 90_000)

  it('lists them for machines, filtered', async () => {
    const all = jsonLines(await dlq('list', '--json'))
    expect(all.map(({ messageId }) => messageId)).toEqual(['first', 'second', 'long'])
    expect(all[0]).toMatchObject({ topic, group: 'billing', reason: 'attempts', attempts: 1, replays: 0, body: { order: 1 } })
    expect(JSON.stringify(all)).not.toContain('s3cret')
    const filters = ['--id', 'second', '--id', 'first', '--reason', 'attempts', '--code', 'COMM_UNKNOWN', '--newer-than', '1h']
    expect(jsonLines(await dlq('list', '--json', ...filters))).toHaveLength(2)
    const none = await dlq('list', '--json', '--older-than', '1h')
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: `no dead letters of ${topic} for group billing\n` })
  }, 90_000)

  it('says when there are more than were looked at', async () => {
    const { stdout, stderr } = await dlq('list', '--json', '--limit', '2')
    expect(stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(stderr).toBe('looked at the oldest 2 of 3 dead letters; --limit 3 looks at all of them\n')
  }, 90_000)

  it('shows one, its long body cut', async () => {
    const show = (id: string, ...more: readonly string[]) =>
      comm(['dlq', 'show', topic, id, '--group', 'billing', ...more], { env })
    const first = await show('first')
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(first.stdout).toMatch(/^key +ada$/m)
    expect(first.stdout).toMatch(/^error +cannot bill/m)
    expect(first.stdout).toMatch(/^ {2}authorization +\[redacted\]$/m)
    expect(first.stdout).toContain('body (11 bytes)\n  {\n    "order": 1\n  }\n')
    expect((await show('long')).stdout).toMatch(/body \(5000 bytes; --full shows all of it\)\n {2}x{1999}…\n$/)
    expect((await show('long', '--full')).stdout).toMatch(/body \(5000 bytes\)\n {2}x{5000}\n$/)
    expect(await show('nobody')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('no dead letter "nobody"'),
    })
  }, 90_000)

  it('says what a replay would do, and does nothing', async () => {
    const before = await ids()
    const { code, stdout, stderr } = await dlq('replay', '--dry-run', '--id', 'first')
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')[1]).toMatch(/^would replay {2}\S+ +cannot bill/)
    expect(stderr).toBe(`1 would be replayed to group billing of ${topic}; nothing was done\n`)
    expect(await ids()).toEqual(before)
  }, 90_000)

  it('replays to the group that failed, and refuses what keeps dying', async () => {
    const again = await dlq('replay', '--id', 'first', '--json', '--limit', '2')
    expect(again.code).toBe(0)
    // Also of those that are no dead letters any more.
    expect(again.stderr).toContain('looked at the oldest 2 of 3 dead letters; --limit 3 looks at all of them')
    expect(jsonLines(again)).toMatchObject([{ messageId: 'first', outcome: 'replayed' }])
    const letters = manager.messaging.deadLetters(topic, 'billing')
    await waitFor(async () => (await letters.find('first'))?.replays === 1, { what: 'its second death' })

    const refused = await dlq('replay', '--id', 'first', '--max-replays', '1')
    expect(refused).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^refused {2,}\S+ +replayed 1 times before: cannot bill/m),
    })
    expect(refused.stderr).toContain('1 refused: replayed 1 times or more and died again')

    isMended = true
    expect(await dlq('replay', '--id', 'first')).toMatchObject({ code: 0 })
    await waitFor(() => handled.length === 1, { what: 'the handling of the replayed message' })
    expect(handled).toEqual([{ order: 1 }])
    if (row.removes) expect(await ids()).toHaveLength(2)
  }, 90_000)

  it('purges only when told to', async () => {
    const refused = await dlq('purge')
    expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('it needs --yes') })
    const declined = await inProcess(['dlq', 'purge', ...words], { env, typed: 'n\n' })
    expect(declined).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^throw away \d dead letters .*\? \[y\/N\] .*nothing was purged\n$/s),
    })
    expect(await ids()).not.toHaveLength(0)
    const purged = await dlq('purge', '--yes')
    expect(purged).toMatchObject({ code: 0, stdout: '' })
    if (row.removes) expect(purged.stderr).toBe(`purged 2 dead letters of ${topic} for group billing\n`)
    expect(await ids()).toHaveLength(0)
  }, 90_000)
})
