import type { CommunicationError } from '@comm/core'
import type { Delivery, SubscribeRequest } from '../broker.ts'
import { type DeliveryOwner, MemoryDelivery, type SettleAnswer, type Settlement } from './delivery.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { GroupQueue, LaneMode, QueueConsumer } from './group-queue.ts'
import type { QueuedRecord } from './lane.ts'

/** One subscription on one connection: its credits and what it has not settled. A reconnected subscription gets a new one. */
export class Consumer implements QueueConsumer, DeliveryOwner {
  readonly request: SubscribeRequest
  readonly lanes: LaneMode
  readonly ordered: boolean
  readonly #dispatcher: Dispatcher
  readonly #onDelivery: (delivery: Delivery) => void
  /** The broker ended the subscription for good. */
  readonly #onEnded: (error: CommunicationError) => void
  readonly #queues = new Set<GroupQueue>()
  readonly #unsettled = new Set<MemoryDelivery>()
  /** Queues that had something for us when there was no credit. */
  readonly #waitingQueues = new Set<GroupQueue>()
  readonly #lost = new AbortController()

  constructor(
    request: SubscribeRequest,
    dispatcher: Dispatcher,
    onDelivery: (delivery: Delivery) => void,
    onEnded: (error: CommunicationError) => void,
  ) {
    this.request = request
    this.lanes = request.lanes
    this.ordered = request.ordered ?? false
    this.#dispatcher = dispatcher
    this.#onDelivery = onDelivery
    this.#onEnded = onEnded
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get hasCredit(): boolean {
    return this.#unsettled.size < this.request.maxUnsettled
  }

  get queues(): readonly GroupQueue[] {
    return [...this.#queues]
  }

  attach(queue: GroupQueue): void {
    if (this.#queues.has(queue)) return
    this.#queues.add(queue)
    queue.attach(this)
    this.#dispatcher.schedule(queue)
  }

  /** No delivery any more, from this queue or from any; others of the group take over. */
  detach(queue?: GroupQueue): void {
    for (const each of queue === undefined ? this.#queues : [queue]) {
      this.#queues.delete(each)
      this.#waitingQueues.delete(each)
      each.detach(this)
      this.#dispatcher.schedule(each)
    }
  }

  /** The end: what is not settled goes back, in its order. */
  lose(reason: CommunicationError): void {
    this.detach()
    if (this.#lost.signal.aborted) return
    const unsettled = [...this.#unsettled].reverse()
    this.#unsettled.clear()
    for (const { queue, queued } of unsettled) queue.giveBack(queued)
    this.#lost.abort(reason)
    for (const { queue } of unsettled) this.#dispatcher.schedule(queue)
  }

  end(error: CommunicationError): void {
    this.lose(error)
    this.#onEnded(error)
  }

  deliver(queue: GroupQueue, queued: QueuedRecord): void {
    const lane = this.lanes === 'none' ? undefined : queued.lane?.name
    const delivery = new MemoryDelivery(this, queue, queued, lane)
    this.#unsettled.add(delivery)
    this.#onDelivery(delivery)
  }

  waitFor(queue: GroupQueue): void {
    this.#waitingQueues.add(queue)
  }

  settle(delivery: MemoryDelivery, how: Settlement): SettleAnswer {
    if (!this.#unsettled.delete(delivery)) return 'lost'
    const { queue, queued } = delivery
    if (how === 'ack') queue.ack(queued)
    else queue.giveBack(queued)
    // Those that waited go first, or a busy topic would take every credit.
    if (this.#waitingQueues.size > 0) {
      for (const waiting of this.#waitingQueues) this.#dispatcher.schedule(waiting)
      this.#waitingQueues.clear()
    }
    this.#dispatcher.schedule(queue)
    return 'settled'
  }
}
