import type { Cluster } from 'kafkajs'

/** What kafkajs answers by joining its group. */
const REJOIN = 'REBALANCE_IN_PROGRESS'

/**
 * Sees to it that a join which has begun is finished. When the way to the group breaks in the middle of one, kafkajs goes on with the
 * partitions that it had before; where the group has taken it in already, nothing ever tells it otherwise, and what is its own now is read by
 * nobody.
 */
export class Joining {
  #hasJoined = false
  #isUnfinished = false

  get hasJoined(): boolean {
    return this.#hasJoined
  }

  finished(): void {
    this.#hasJoined = true
    this.#isUnfinished = false
  }

  /** @param cluster of one consumer, which looks for its coordinator to join, and at its metadata before each fetch */
  watch(cluster: Pick<Cluster, 'findGroupCoordinator' | 'refreshMetadataIfNecessary'>): void {
    const find = cluster.findGroupCoordinator.bind(cluster)
    const refresh = cluster.refreshMetadataIfNecessary.bind(cluster)
    cluster.findGroupCoordinator = (group) => {
      this.#isUnfinished = true
      return find(group)
    }
    cluster.refreshMetadataIfNecessary = async () => {
      // What never joined has failed, and begins anew as a whole.
      if (this.#isUnfinished && this.#hasJoined) throw Object.assign(new Error('joining the group was cut off'), { type: REJOIN })
      return refresh()
    }
  }
}
