import type { Cluster, Kafka } from 'kafkajs'

const CREATE_CLUSTER = 'private:Kafka:createCluster'

/** What the types of kafkajs leave out. */
export interface MadeCluster extends Pick<Cluster, 'findBroker'> {
  readonly connectionPoolBuilder?: { build(destination?: unknown): Promise<ConnectionPool> }
}

interface ConnectionPool {
  readonly pool: readonly { readonly requestQueue: RequestQueue }[]
}

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

/** A queue of kafkajs that has had an answer looks for waiting requests every millisecond, for as long as its connection lasts. */
export function restIdleQueues({ connectionPoolBuilder: builder }: MadeCluster): void {
  if (builder === undefined) return
  const build = builder.build.bind(builder)
  builder.build = async (destination) => {
    const connections = await build(destination)
    for (const { requestQueue: queue } of connections.pool) {
      const schedule = queue.scheduleCheckPendingRequests.bind(queue)
      queue.scheduleCheckPendingRequests = () => {
        if (queue.pending.length > 0) schedule()
      }
    }
    return connections
  }
}
