import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommunicationManager } from '@comm/manager'
import type { MessageMeta } from '@comm/messaging'
import { waitFor } from '@comm/testkit'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { BROKERS, environmentFor, service } from './support/brokers.ts'
import { Comm, comm, jsonLines } from './support/comm.ts'

describe.each(BROKERS)('publish and tail on $type', (row) => {
  const topic = `cli-${randomUUID()}.made`
  /** What the group of the service got. */
  const got: { readonly body: unknown; readonly meta: MessageMeta }[] = []
  let env: Readonly<Record<string, string>> = {}
  let manager: CommunicationManager
  let folder = ''

  const publish = (...words: readonly string[]) => comm(['publish', topic, ...words], { env })
  const arrived = async (count: number) => {
    await waitFor(() => got.length >= count, { what: `${count} messages at the group` })
    return got.splice(0)
  }

  beforeAll(async () => {
    // The group of the service is what `tail` must not join, though it is configured by the same variables.
    env = { ...(await environmentFor(row)), SERVICE_NAME: 'billing' }
    folder = await mkdtemp(join(tmpdir(), 'comm-cli-'))
    manager = service(env)
    await manager.messaging.subscribe(topic, (body, meta) => void got.push({ body, meta }))
  }, 120_000)
  afterAll(async () => {
    await manager?.shutdown()
    await rm(folder, { recursive: true, force: true })
  })

  it('publishes with key and headers, and says so to people only', async () => {
    const { code, stdout, stderr } = await publish(
      '{"order":7,"price":12345678901234567890}',
      '--key',
      'ada',
      '-H',
      'region=eu=1',
    )
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: `published a message to ${topic}\n` })
    const [message] = await arrived(1)
    expect(message).toMatchObject({ body: { order: 7 }, meta: { key: 'ada', source: '/billing', headers: { region: 'eu=1' } } })
  }, 90_000)

  it('takes the body from the standard input, from a file, and as it is', async () => {
    await comm(['publish', topic, '-'], { env, stdin: '{"from":"stdin"}' })
    await comm(['publish', topic], { env, stdin: 'not JSON' })
    writeFileSync(join(folder, 'body'), Uint8Array.of(0xff, 0xfe))
    await publish(`@${join(folder, 'body')}`)
    await publish('{"plain":1}', '--content-type', 'text/plain')
    expect((await arrived(4)).map(({ body }) => body)).toEqual([
      { from: 'stdin' },
      'not JSON',
      Uint8Array.of(0xff, 0xfe),
      '{"plain":1}',
    ])
  }, 90_000)

  it('publishes several, later', async () => {
    const before = Date.now()
    expect(await publish('1', '--count', '250', '--delay', '1s')).toMatchObject({ code: 0 })
    await arrived(250)
    expect(Date.now() - before).toBeGreaterThanOrEqual(1000)
  }, 90_000)

  it.each([
    ['a body that is not what its content type says', ['{', '--content-type', 'application/json'], 2, 'must be JSON'],
    ['a file that is not there', ['@/nowhere/at/all'], 2, 'cannot be read from "/nowhere/at/all"'],
    ['a header that is ours', ['1', '-H', 'ce_id=7'], 1, 'COMM_CONFIGURATION'],
  ])(
    'refuses %s',
    async (_, words, code, text) => {
      expect(await publish(...words)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) })
      expect(got).toEqual([])
    },
    30_000,
  )

  it('fails when nobody takes it', async () => {
    if (!row.detectsUnroutable) return
    const nobody = `cli-${randomUUID()}`
    expect(await comm(['publish', nobody, '1'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\(COMM_UNROUTABLE\)\n$/),
    })
    expect(await comm(['publish', nobody, '1', '--unroutable', 'ignore'], { env })).toMatchObject({ code: 0 })
  }, 90_000)

  it('tails without taking a message from the group, and ends after --count', async () => {
    await using tail = new Comm(['tail', topic, '--json', '--count', '2'], { env })
    await tail.says('listening')
    await manager.messaging.publish(topic, { order: 1 }, { key: 'ada', id: 'one', headers: { 'x-api-key': 's3cret' } })
    await manager.messaging.publish(topic, 'two\u001b[2J', { id: 'two' })
    const ended = await tail.ended
    expect(ended.code).toBe(0)
    expect(jsonLines(ended)).toMatchObject([
      { topic, id: 'one', key: 'ada', body: { order: 1 }, headers: { 'x-api-key': '[redacted]' } },
      { topic, id: 'two', body: 'two\u001b[2J' },
    ])
    expect(ended.stdout).not.toContain('\u001b')
    expect(await arrived(2)).toHaveLength(2)
  }, 90_000)

  it('tails until Ctrl-C', async () => {
    await using tail = new Comm(['tail', topic], { env })
    await tail.says('listening')
    await manager.messaging.publish(topic, { order: 1 }, { key: 'ada' })
    await waitFor(() => tail.stdout.endsWith('\n'), { what: 'the message' })
    tail.child.kill('SIGINT')
    expect((await tail.ended).code).toBe(0)
    expect(tail.stdout).toMatch(/^\d{4}-\S+Z cli-\S+ \[ada\] \{"order":1\}\n$/)
    await arrived(1)
  }, 90_000)

  it('ends quietly when nobody reads any more', async () => {
    await using tail = new Comm(['tail', topic], { env })
    await tail.says('listening')
    tail.child.stdout?.destroy()
    const ended = once(tail.child, 'exit')
    for (let order = 0; order < 3; order++) await manager.messaging.publish(topic, { order })
    expect(await ended).toEqual([0, null])
    expect(tail.stderr).not.toContain('EPIPE')
    await arrived(3)
  }, 90_000)

  it('tails patterns where the broker has them', async () => {
    const pattern = topic.replace('.made', '.*')
    if (!row.patterns) {
      const refused = await comm(['tail', pattern], { env })
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('has no patterns (COMM_UNSUPPORTED)') })
      return
    }
    await using tail = new Comm(['tail', pattern, '-n', '1', '--json'], { env })
    await tail.says('listening')
    await manager.messaging.publish(topic, 1)
    expect(jsonLines(await tail.ended)).toMatchObject([{ topic, body: 1 }])
    await arrived(1)
  }, 90_000)

  it('begins in the past where the broker keeps it', async () => {
    const { code, stdout, stderr } = await comm(['tail', topic, '--from', 'earliest', '--count', '1', '--json'], { env })
    if (row.replays) expect(JSON.parse(stdout)).toMatchObject({ topic, ...(row.isOneSequence && { body: { order: 7 } }) })
    else expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('COMM_UNSUPPORTED') })
  }, 90_000)
})
