import type { Cluster, Kafka } from 'kafkajs'

const CREATE_CLUSTER = 'private:Kafka:createCluster'

/** What the types of kafkajs leave out. */
export interface MadeCluster extends Pick<Cluster, 'findBroker'> {
  readonly connectionPoolBuilder?: { build(destination?: unknown): Promise<ConnectionPool> }
}

interface ConnectionPool {
  readonly pool: readonly Connection[]
}

interface Connection {
  readonly requestQueue: RequestQueue
  /** What has been read of an answer that is not whole. */
  chunks: readonly Buffer[]
  bytesBuffered: number
  /** As many are there before the next look: the length of an answer, or all of it. */
  bytesNeeded: number
  isConnected(): boolean
  connect(): Promise<unknown>
}

const LENGTH_BYTES = 4

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

type CreateCluster = (options: unknown) => MadeCluster

/** @param meet called with each cluster that this client makes, before that does anything: kafkajs shows it to nobody */
export function meetClusters(kafka: Kafka, meet: (cluster: MadeCluster) => void): void {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  if (symbol === undefined) return
  const makers = kafka as unknown as Record<symbol, CreateCluster>
  const create = makers[symbol] as CreateCluster
  makers[symbol] = (options) => {
    const cluster = create(options)
    meet(cluster)
    return cluster
  }
}

/** Mends the connections that a cluster makes. */
export function mendConnections({ connectionPoolBuilder: builder }: MadeCluster): void {
  if (builder === undefined) return
  const build = builder.build.bind(builder)
  builder.build = async (destination) => {
    const connections = await build(destination)
    for (const connection of connections.pool) {
      restWhenIdle(connection.requestQueue)
      beginAfresh(connection)
    }
    return connections
  }
}

/** A queue of kafkajs that has had an answer looks for waiting requests every millisecond, for as long as its connection lasts. */
function restWhenIdle(queue: RequestQueue): void {
  const schedule = queue.scheduleCheckPendingRequests.bind(queue)
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0) schedule()
  }
}

/**
 * kafkajs makes a connection anew with what its last socket left of half an answer, and takes what comes now for the other half: from there
 * on no answer is understood, or the process ends by a RangeError.
 */
function beginAfresh(connection: Connection): void {
  const connect = connection.connect.bind(connection)
  connection.connect = () => {
    if (!connection.isConnected()) Object.assign(connection, { chunks: [], bytesBuffered: 0, bytesNeeded: LENGTH_BYTES })
    return connect()
  }
}
