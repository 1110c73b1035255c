import type { BrokerAdmin, BrowseRequest, StoredRecord } from '../broker.ts'
import type { MemoryRecord } from './record.ts'
import type { Topics } from './topics.ts'

const BROWSE_LIMIT = 100

/**
 * Without a group, `browse` shows what the topic retains, consumed or not; `remove` and `purge` then mean the retained
 * records and those of every group. What is handed over to a consumer is neither shown for its group nor removed.
 */
export class MemoryAdmin implements Required<BrokerAdmin> {
  readonly #topics: Topics
  readonly #check: () => void

  /** @param check throws when the adapter cannot be used */
  constructor(topics: Topics, check: () => void) {
    this.#topics = topics
    this.#check = check
  }

  async lag(topic: string, group: string): Promise<number> {
    this.#check()
    return this.#topics.find(topic)?.groups.get(group)?.due ?? 0
  }

  async browse(request: BrowseRequest): Promise<readonly StoredRecord[]> {
    this.#check()
    const { topic: name, group, limit = BROWSE_LIMIT } = request
    const topic = this.#topics.find(name)
    const records = group === undefined ? topic?.log : topic?.groups.get(group)?.waiting()
    const shown: MemoryRecord[] = []
    if (limit > 0) {
      for (const record of records ?? []) if (shown.push(record) >= limit) break
    }
    return shown
  }

  async remove(topicName: string, ids: readonly string[], group?: string): Promise<number> {
    this.#check()
    const topic = this.#topics.find(topicName)
    if (topic === undefined) return 0
    if (group !== undefined) {
      const queue = topic.groups.get(group)
      return ids.filter((id) => queue?.remove(id)).length
    }
    const retained = new Set([...topic.log].map(({ id }) => id))
    const wanted = new Set(ids)
    topic.log.remove(wanted)
    let removed = 0
    for (const id of wanted) {
      const fromQueues = topic.queues.filter((queue) => queue.remove(id)).length
      if (fromQueues > 0 || retained.has(id)) removed++
    }
    return removed
  }

  async purge(topicName: string, group?: string): Promise<number> {
    this.#check()
    const topic = this.#topics.find(topicName)
    if (topic === undefined) return 0
    if (group !== undefined) return topic.groups.get(group)?.purge() ?? 0
    const ids = new Set([...topic.log].map(({ id }) => id))
    for (const queue of topic.queues) {
      for (const { id } of queue.waiting()) ids.add(id)
      queue.purge()
    }
    topic.log.clear()
    return ids.size
  }
}
