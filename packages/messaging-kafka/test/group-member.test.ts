import { Connection, type KafkaDriver, type KafkaLink, type KafkaMember, type Position } from '@comm/kafka-driver'
import { TestClock } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import { GroupMember } from '../src/consume/group-member.ts'
import { resolveOptions } from '../src/options.ts'
import { partFor } from '../src/topics.ts'

/** @param committed what Kafka answers, one answer after the other */
async function setUp(committed: readonly Promise<readonly Position[]>[] = []) {
  const clock = new TestClock()
  const answers = [...committed]
  const sought: number[] = []
  const kafka: Partial<KafkaMember> = {
    start: async () => undefined,
    seek: ({ offset }) => void sought.push(offset),
    commit: async () => undefined,
  }
  const link: Partial<KafkaLink> = { committed: () => answers.shift() ?? Promise.resolve([]) }
  const driver: KafkaDriver = { open: async () => link as KafkaLink, member: async () => kafka as KafkaMember }
  const options = resolveOptions({ clock })
  const ignore = (): void => undefined
  const connection = new Connection(driver, options, { onUp: ignore, onDown: ignore })
  await connection.connect(new AbortController().signal)
  const member = new GroupMember({
    ...{
      connection,
      options,
      topic: 't',
      parts: [partFor('t', 'g', 0)],
      groupId: 'g',
      isEphemeral: false,
      lanes: 'none',
      from: 'new',
    },
    ...{ offer: ignore, settled: ignore, lost: ignore, released: ignore, failed: ignore },
  })
  return { clock, member, sought }
}

describe('GroupMember', () => {
  it('is not silent before it has joined, however long that takes', async () => {
    const { clock, member } = await setUp()
    const opened = member.open()
    await clock.advance(60_000)
    expect(member.silentMs).toBe(0)
    member.joined('me', [])
    await clock.advance(5000)
    expect(member.silentMs).toBe(5000)
    await opened
  })

  it('asks again where to begin when that is not answered', async () => {
    const source = { topic: 't', partition: 0 }
    const { clock, member, sought } = await setUp([new Promise(() => undefined), Promise.resolve([{ ...source, offset: 5 }])])
    const opened = member.open()
    await clock.advance(0)
    member.joined('me', [source])
    await clock.advance(60_000)
    await opened
    expect(sought).toEqual([5])
  })
})
