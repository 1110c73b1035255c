import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import kafkajs from 'kafkajs'
// @ts-expect-error it has no types
import Encoder from 'kafkajs/src/protocol/encoder.js'
import { type MadeCluster, meetClusters, mendConnections } from '../src/kafkajs-clusters.ts'

/** What the queue of a connection has beside what its users call. */
interface Queue {
  throttledUntil: number
  throttleCheckTimeoutId: unknown
  push(request: unknown): void
  checkPendingRequests(): void
}

interface Connection {
  readonly requestQueue: Queue
  connect(): Promise<unknown>
  disconnect(): Promise<unknown>
  send(what: { readonly request: object; readonly response: object }): Promise<unknown>
}

async function connectionTo(port: number): Promise<Connection> {
  const kafka = new kafkajs.Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: kafkajs.logLevel.NOTHING })
  const met: MadeCluster[] = []
  meetClusters(kafka, mendConnections)
  meetClusters(kafka, (cluster) => met.push(cluster))
  kafka.admin()
  const connections = await met[0]?.connectionPoolBuilder?.build()
  return connections?.pool[0] as unknown as Connection
}

async function queueOf(): Promise<Queue> {
  return (await connectionTo(1)).requestQueue
}

/** A request without anything in it, and an answer that is read as text. */
const ASK = {
  request: {
    apiKey: 0,
    apiVersion: 0,
    apiName: 'Ask',
    expectResponse: () => true,
    encode: async () => new Encoder(),
  },
  response: { decode: async (answer: Buffer) => answer.toString(), parse: async (text: string) => text },
}

describe('a connection of kafkajs', () => {
  it('that broke in the middle of an answer begins afresh', async () => {
    let connections = 0
    const server = createServer((socket) => {
      const isFirst = connections++ === 0
      socket.on('error', () => undefined)
      socket.on('data', (request) => {
        // A length, the correlation id of the request, and the answer.
        const answer = Buffer.concat([Buffer.alloc(4), request.subarray(8, 12), Buffer.from('answer')])
        answer.writeInt32BE(isFirst ? 1000 : answer.byteLength - 4)
        socket.write(answer, () => (isFirst ? socket.resetAndDestroy() : undefined))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const connection = await connectionTo((server.address() as AddressInfo).port)
    await connection.connect()
    await expect(connection.send(ASK)).rejects.toThrow('ECONNRESET')
    await connection.connect()
    expect(await connection.send(ASK)).toBe('answer')
    await connection.disconnect()
    server.close()
  })
})

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
