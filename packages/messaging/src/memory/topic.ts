import type { Consumer } from './consumer.ts'
import { GroupQueue } from './group-queue.ts'
import { RetainedLog } from './retained-log.ts'

/** What is known of one topic: a queue per group, one per ephemeral subscriber, and the last records. */
export class Topic {
  readonly name: string
  readonly log: RetainedLog
  readonly groups: Map<string, GroupQueue> = new Map()
  readonly #ephemeral = new Map<Consumer, GroupQueue>()
  /** Every queue that gets a copy of a record. */
  queues: readonly GroupQueue[] = []
  /** It has, or had, a group, or keeps a record for one: it stays when its last ephemeral subscriber leaves. */
  isKept = false
  #lastId = 0

  constructor(name: string, retainedRecords: number, retainedBytes: number) {
    this.name = name
    this.log = new RetainedLog(retainedRecords, retainedBytes)
  }

  nextId(): string {
    return String(++this.#lastId)
  }

  /** The queue of a group, made when it is not there yet. `isNew` tells which. */
  group(name: string): { queue: GroupQueue; isNew: boolean } {
    const existing = this.groups.get(name)
    if (existing !== undefined) return { queue: existing, isNew: false }
    const queue = new GroupQueue(this.name, name)
    this.groups.set(name, queue)
    this.isKept = true
    this.#collect()
    return { queue, isNew: true }
  }

  ephemeral(consumer: Consumer): { queue: GroupQueue; isNew: boolean } {
    const existing = this.#ephemeral.get(consumer)
    if (existing !== undefined) return { queue: existing, isNew: false }
    const queue = new GroupQueue(this.name, undefined)
    this.#ephemeral.set(consumer, queue)
    this.#collect()
    return { queue, isNew: true }
  }

  dropEphemeral(consumer: Consumer): void {
    if (this.#ephemeral.delete(consumer)) this.#collect()
  }

  #collect(): void {
    this.queues = [...this.groups.values(), ...this.#ephemeral.values()]
  }
}
