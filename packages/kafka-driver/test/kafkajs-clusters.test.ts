import { describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'
import { type MadeCluster, meetClusters, restIdleQueues } from '../src/kafkajs-clusters.ts'

/** What the queue of a connection has beside what its users call. */
interface Queue {
  throttledUntil: number
  throttleCheckTimeoutId: unknown
  push(request: unknown): void
  checkPendingRequests(): void
}

async function queueOf(): Promise<Queue> {
  const kafka = new kafkajs.Kafka({ brokers: ['127.0.0.1:1'] })
  const met: MadeCluster[] = []
  meetClusters(kafka, restIdleQueues)
  meetClusters(kafka, (cluster) => met.push(cluster))
  kafka.admin()
  const connections = await met[0]?.connectionPoolBuilder?.build()
  return connections?.pool[0]?.requestQueue as unknown as Queue
}

describe('the queue of a connection of kafkajs', () => {
  it('rests while nothing waits in it', async () => {
    const queue = await queueOf()
    queue.checkPendingRequests()
    expect(queue.throttleCheckTimeoutId).toBeNull()
  })

  it('sends what waited, when it may', async () => {
    const queue = await queueOf()
    queue.throttledUntil = Date.now() + 20
    await new Promise<void>((resolve) => {
      queue.push({ entry: { correlationId: 1 }, expectResponse: true, sendRequest: resolve })
      expect(queue.throttleCheckTimeoutId).not.toBeNull()
    })
    expect(Date.now()).toBeGreaterThanOrEqual(queue.throttledUntil)
    expect(queue.throttleCheckTimeoutId).toBeNull()
  })
})
