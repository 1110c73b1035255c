import assert from 'node:assert/strict'
import type { Delivery, SubscribeRequest, Subscription } from '@comm/messaging'

/** What a subscriber does with each delivery. */
export type Reaction = (delivery: Delivery, collector: Collector) => void | Promise<unknown>

export const ack: Reaction = (delivery) => delivery.settle('ack')
export const hold: Reaction = () => undefined

interface Waiter {
  readonly isTrue: () => boolean
  readonly resolve: () => void
}

/** A subscriber that keeps what it gets, in order, and watches that no lane, and no key with lanes, has two unsettled deliveries. */
export class Collector {
  readonly received: Delivery[] = []
  /** The bodies of what was received. */
  readonly texts: string[] = []
  topics: readonly string[] = []
  lanes: SubscribeRequest['lanes'] = 'none'
  /** Set when `subscribe` has resolved. */
  subscription!: Subscription
  /** The most deliveries that were unsettled at one time. */
  mostUnsettled = 0
  readonly #deadlineMs: number
  readonly #react: Reaction
  readonly #unsettled = new Set<Delivery>()
  /** The unsettled delivery of each lane and key. */
  readonly #busy = new Map<string, Delivery>()
  readonly #waiters = new Set<Waiter>()
  #problem: Error | undefined

  constructor(react: Reaction, deadlineMs: number) {
    this.#react = react
    this.#deadlineMs = deadlineMs
  }

  readonly onDelivery = (delivery: Delivery): void => {
    this.received.push(delivery)
    this.texts.push(textOf(delivery))
    this.#unsettled.add(delivery)
    this.mostUnsettled = Math.max(this.mostUnsettled, this.#unsettled.size)
    for (const lane of this.#lanesOf(delivery)) {
      const holder = this.#busy.get(lane)
      // One that was lost with its connection no longer counts.
      if (holder?.lost.aborted === false) this.#problem ??= new Error(`${lane} has two unsettled deliveries`)
      this.#busy.set(lane, delivery)
    }
    const settling = watched(delivery, () => this.#forget(delivery))
    this.#look()
    void this.#reactTo(settling)
  }

  get unsettled(): number {
    return this.#unsettled.size
  }

  /** The delivery received at this place; negative counts from the end. */
  at(index: number): Delivery {
    const delivery = this.received.at(index)
    assert(delivery, `there is no delivery ${index}: ${this.received.length} were received`)
    return delivery
  }

  /** Settles what was received at this place, and forgets it as unsettled. */
  async settle(index: number, how: 'ack' | 'requeue' = 'ack'): Promise<'settled' | 'lost'> {
    const delivery = this.at(index)
    this.#forget(delivery)
    return delivery.settle(how)
  }

  /** Resolves when so many deliveries were received, or when the condition is true after one, or after its reaction. */
  async until(wanted: number | (() => boolean), what = `${String(wanted)} deliveries`): Promise<void> {
    const isTrue = typeof wanted === 'number' ? () => this.received.length >= wanted : wanted
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { isTrue, resolve }
    this.#waiters.add(waiter)
    const timer = setTimeout(() => {
      const seen = this.texts.slice(-20).join(', ')
      reject(new Error(`waited ${this.#deadlineMs} ms for ${what}; received ${this.received.length}, last: ${seen}`))
    }, this.#deadlineMs)
    try {
      this.#look()
      await promise
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
    }
    if (this.#problem !== undefined) throw this.#problem
  }

  /** @throws what went wrong while receiving */
  check(): void {
    if (this.#problem !== undefined) throw this.#problem
  }

  async #reactTo(delivery: Delivery): Promise<void> {
    try {
      await this.#react(delivery, this)
    } catch (thrown) {
      this.#problem ??= thrown as Error
    }
    this.#look()
  }

  #forget(delivery: Delivery): void {
    this.#unsettled.delete(delivery)
    for (const lane of this.#lanesOf(delivery)) if (this.#busy.get(lane) === delivery) this.#busy.delete(lane)
  }

  #lanesOf({ lane, topic, key }: Delivery): readonly string[] {
    const byKey = this.lanes === 'key' && key !== undefined ? [`key ${key} of topic ${topic}`] : []
    return lane === undefined ? byKey : [`lane ${lane}`, ...byKey]
  }

  #look(): void {
    for (const waiter of this.#waiters) if (this.#problem !== undefined || waiter.isTrue()) waiter.resolve()
  }
}

/** The same delivery, but it tells when it is being settled. */
function watched(delivery: Delivery, onSettle: () => void): Delivery {
  return new Proxy(delivery, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (name !== 'settle') return value
      return (how: 'ack' | 'requeue') => {
        onSettle()
        return target.settle(how)
      }
    },
  })
}

const decoder = new TextDecoder()

export function textOf(delivery: { readonly body: Uint8Array }): string {
  return decoder.decode(delivery.body)
}
