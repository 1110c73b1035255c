import kafkajs, { type PartitionAssigner } from 'kafkajs'
import type { Claims, TopicPartition } from './driver.ts'

const { AssignerProtocol } = kafkajs
const NAME = 'comm-sticky'
const VERSION = 1

export interface Claimant {
  readonly memberId: string
  readonly claims: Claims
}

/**
 * Shares the partitions of one topic. What a member is busy with stays with it, also when it leaves; beyond that each keeps what it has, as
 * long as none has more than its share; the rest goes to who has least.
 * @param load what each has of other topics; what it gets here is added
 * @returns the member of each partition
 */
export function share(
  topic: string,
  partitions: readonly number[],
  members: readonly Claimant[],
  load: Map<string, number>,
): ReadonlyMap<number, string> {
  const owners = new Map<number, string>()
  const counts = new Map<string, number>()
  const countOf = ({ memberId }: Claimant): number => counts.get(memberId) ?? 0
  const give = (partition: number, member: Claimant): void => {
    owners.set(partition, member.memberId)
    counts.set(member.memberId, countOf(member) + 1)
    load.set(member.memberId, (load.get(member.memberId) ?? 0) + 1)
  }
  const free = (claimed: readonly TopicPartition[]): number[] =>
    claimed.filter((each) => each.topic === topic && partitions.includes(each.partition)).map(({ partition }) => partition)
  for (const member of members) for (const each of free(member.claims.busy)) if (!owners.has(each)) give(each, member)
  const staying = members.filter(({ claims }) => !claims.isLeaving)
  const sharers = staying.length > 0 ? staying : members
  const least = Math.floor(partitions.length / sharers.length)
  let extra = partitions.length % sharers.length
  for (const member of sharers) {
    for (const each of free(member.claims.owned)) {
      const isBeyond = countOf(member) >= least
      if (owners.has(each) || (isBeyond && (countOf(member) > least || extra === 0))) continue
      if (isBeyond) extra--
      give(each, member)
    }
  }
  const byNeed = (a: Claimant, b: Claimant): number =>
    countOf(a) - countOf(b) || (load.get(a.memberId) ?? 0) - (load.get(b.memberId) ?? 0)
  for (const each of partitions) if (!owners.has(each)) give(each, sharers.toSorted(byNeed)[0] as Claimant)
  return owners
}

/** @param claims of this member, when it joins */
export function stickyAssigner(claims: () => Claims): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => {
      const userData = Buffer.from(JSON.stringify(claims()))
      return { name: NAME, metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData }) }
    },
    assign: async ({ members, topics }) => {
      const claimants = members
        .map(({ memberId, memberMetadata }) => {
          const { userData } = AssignerProtocol.MemberMetadata.decode(memberMetadata) ?? { userData: '{}' }
          return { memberId, claims: JSON.parse(String(userData)) as Claims }
        })
        .toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1))
      const load = new Map<string, number>()
      const assignments = new Map<string, Record<string, number[]>>(claimants.map(({ memberId }) => [memberId, {}]))
      for (const topic of topics) {
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
        for (const [partition, memberId] of share(topic, partitions, claimants, load)) {
          const ofMember = assignments.get(memberId) ?? {}
          ofMember[topic] = [...(ofMember[topic] ?? []), partition]
        }
      }
      const userData = Buffer.alloc(0)
      return [...assignments].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: VERSION, assignment, userData }),
      }))
    },
  })
}
