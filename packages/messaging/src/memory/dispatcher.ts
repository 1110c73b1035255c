import type { Clock } from '@comm/core'
import type { GroupQueue } from './group-queue.ts'
import { LinkedList } from './linked-list.ts'

/** Deliveries in one turn of the event loop; the rest waits for the next, so that sockets and timers get theirs. */
const DELIVERIES_PER_TURN = 1000

/**
 * Hands over what is ready, queue after queue, one record each. Always in a turn of its own: no caller of publish or
 * settle is ever re-entered.
 */
export class Dispatcher {
  readonly #wall: () => number
  readonly #scheduled = new LinkedList<GroupQueue>()
  #turn: NodeJS.Immediate | undefined

  constructor(clock: Clock) {
    this.#wall = () => clock.wall()
  }

  /** To be called when a record became ready, or a consumer has credit again. */
  schedule(queue: GroupQueue): void {
    if (queue.isScheduled || !queue.hasReady) return
    queue.isScheduled = true
    this.#scheduled.push(queue)
    this.#turn ??= setImmediate(this.#run)
  }

  readonly #run = (): void => {
    this.#turn = undefined
    try {
      for (let left = DELIVERIES_PER_TURN; left > 0; left--) {
        const queue = this.#scheduled.shift()
        if (queue === undefined) return
        queue.isScheduled = false
        if (queue.deliverOne(this.#wall)) this.schedule(queue)
      }
    } finally {
      if (this.#scheduled.first !== undefined) this.#turn ??= setImmediate(this.#run)
    }
  }
}
