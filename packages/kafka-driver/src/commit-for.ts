import { ConsumeError } from '@comm/core'
import type { KafkaDriver, KafkaLink, KafkaMember, Position } from './driver.ts'

/**
 * Commits for a group that has no members, as one that joins it for a moment: nobody else can keep a note beside an offset.
 * @throws ConsumeError when it has members; CommunicationError
 */
export async function commitFor(
  driver: KafkaDriver,
  link: KafkaLink,
  groupId: string,
  positions: readonly Position[],
): Promise<void> {
  if (await link.hasMembers(groupId)) {
    const text = `cannot move group ${groupId}: it has consumers, which alone may do that. Stop them first`
    throw new ConsumeError(text, { retryable: false })
  }
  const { promise: joined, resolve, reject } = Promise.withResolvers<void>()
  const topics = [...new Set(positions.map(({ topic }) => topic))]
  const member: KafkaMember = await driver.member(groupId, topics, {
    joined: (_, assignment) => {
      for (const source of assignment) member.pause(source)
      resolve()
    },
    failed: reject,
    batch: () => undefined,
    claims: () => ({ owned: [], busy: [], isLeaving: false }),
    rebalancing: () => undefined,
    alive: () => undefined,
  })
  try {
    await Promise.all([member.start(), joined])
    await member.commit(positions)
  } finally {
    await member.stop()
  }
}
