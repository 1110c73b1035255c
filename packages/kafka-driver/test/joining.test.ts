import { waitFor } from '@comm/testkit'
import { describe, expect, it } from '@jest/globals'
import kafkajs, { type Cluster, type Consumer } from 'kafkajs'
import { Joining } from '../src/joining.ts'
import { load } from './support/encoding.ts'

const createConsumer = load('./src/consumer') as (parts: unknown) => Consumer
const assignment = kafkajs.AssignerProtocol.MemberAssignment.encode({
  version: 1,
  assignment: { t: [0] },
  userData: Buffer.alloc(0),
})
const rebalancing = Object.assign(new Error('the group shares its partitions anew'), { type: 'REBALANCE_IN_PROGRESS' })
const cutOff = new kafkajs.KafkaJSConnectionError('the connection broke')

const logger = Object.fromEntries(['debug', 'info', 'warn', 'error'].map((level) => [level, () => undefined]))
const logging = { ...logger, namespace: () => logging }

/** A broker that answers as these say, one after the other, and then well. */
function clusterOf(heartbeats: readonly Error[], syncs: readonly (Error | undefined)[]) {
  const answers = { heartbeats: [...heartbeats], syncs: [...syncs] }
  const orFail = (error: Error | undefined): void => {
    if (error !== undefined) throw error
  }
  let generationId = 0
  const broker = {
    isConnected: () => true,
    joinGroup: async () => ({
      generationId: ++generationId,
      leaderId: 'other',
      memberId: 'me',
      members: [],
      groupProtocol: 'RoundRobin',
    }),
    syncGroup: async () => {
      orFail(answers.syncs.shift())
      return { memberAssignment: assignment }
    },
    heartbeat: async () => orFail(answers.heartbeats.shift()),
    leaveGroup: async () => undefined,
    offsetFetch: async () => ({ responses: [{ topic: 't', partitions: [{ partition: 0, offset: '0' }] }] }),
    fetch: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return { responses: [] }
    },
  }
  const offsets = {}
  const cluster = {
    connect: async () => undefined,
    disconnect: async () => undefined,
    addMultipleTargetTopics: async () => undefined,
    refreshMetadata: async () => undefined,
    refreshMetadataIfNecessary: async () => undefined,
    getNodeIds: () => ['1'],
    findGroupCoordinator: async () => broker,
    findBroker: async () => broker,
    findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }],
    committedOffsets: () => offsets,
  }
  return { cluster: cluster as unknown as Cluster, answers }
}

/** A consumer of kafkajs, and how often it has joined. */
async function running({ cluster }: ReturnType<typeof clusterOf>) {
  const joining = new Joining()
  const consumer = createConsumer({
    cluster,
    groupId: 'g',
    logger: logging,
    heartbeatInterval: 0,
    sessionTimeout: 1,
    retry: { initialRetryTime: 1, maxRetryTime: 1, retries: 100, restartOnFailure: async () => false },
    partitionAssigners: [
      (given: { cluster: Cluster }) => {
        joining.watch(given.cluster)
        return kafkajs.PartitionAssigners.roundRobin(given as never)
      },
    ],
  })
  const seen = { joined: 0, crashed: 0 }
  consumer.on(consumer.events.GROUP_JOIN, () => {
    seen.joined++
    joining.finished()
  })
  consumer.on(consumer.events.CRASH, () => void seen.crashed++)
  await consumer.subscribe({ topics: ['t'] })
  await consumer.run({ autoCommit: false, eachBatch: async () => undefined })
  return { consumer, joining, seen }
}

describe('a join that is cut off', () => {
  it('begins anew, though the group takes the member for one of its own', async () => {
    const broken = clusterOf([rebalancing], [undefined, cutOff, cutOff])
    const { consumer, seen } = await running(broken)
    await waitFor(() => seen.joined === 2, { what: 'the join after the failed ones' })
    expect(broken.answers).toEqual({ heartbeats: [], syncs: [] })
    await consumer.disconnect()
    expect(seen.crashed).toBe(0)
  })

  it('ends what had never joined', async () => {
    const { joining, seen } = await running(clusterOf([], [cutOff]))
    await waitFor(() => seen.crashed === 1, { what: 'the crash' })
    expect(seen.joined).toBe(0)
    expect(joining.hasJoined).toBe(false)
  })
})
