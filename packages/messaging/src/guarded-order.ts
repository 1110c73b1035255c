import { CommunicationError, type MessageGuard } from '@comm/core'
import type { OutboundRecord } from './broker.ts'
import type { Waiter } from './buffer/entry.ts'

/** Lets guards see what goes out. They may take their time; the order in which messages were sent stays as it was. */
export class GuardedOrder {
  readonly #guards: readonly MessageGuard[]
  /** Settles when the last one that waits has passed; absent while none waits. Never rejects. */
  #last: Promise<void> | undefined

  constructor(guards: readonly MessageGuard[]) {
    this.#guards = guards
  }

  get idle(): Promise<void> {
    return this.#last ?? Promise.resolve()
  }

  /** Calls `onward` with the record as the guards leave it, at once where none has to be waited for; or tells the waiter why not. */
  pass(record: OutboundRecord, onward: (guarded: OutboundRecord) => void, waiter: Pick<Waiter, 'failed'>): void {
    const guarded = this.#guarded(record, 0)
    if (!(guarded instanceof Promise) && this.#last === undefined) return onward(guarded)
    const mine = Promise.resolve(guarded)
    const turn = Promise.all([mine, this.#last])
      .then(([passed]) => onward(passed))
      .catch((thrown: unknown) => waiter.failed(CommunicationError.from(thrown)))
    // One that is refused does not let those behind it overtake those before it.
    const last = Promise.all([turn, this.#last]).then(() => {
      if (this.#last === last) this.#last = undefined
    })
    this.#last = last
  }

  #guarded(record: OutboundRecord, from: number): OutboundRecord | Promise<OutboundRecord> {
    let current = record
    for (let at = from; at < this.#guards.length; at++) {
      const added = this.#guards[at]?.outgoing?.(current)
      if (added instanceof Promise) {
        const before = current
        return added.then((headers) => this.#guarded(withHeaders(before, headers), at + 1))
      }
      if (added !== undefined) current = withHeaders(current, added)
    }
    return current
  }
}

function withHeaders(record: OutboundRecord, added: OutboundRecord['headers']): OutboundRecord {
  return { ...record, headers: { ...record.headers, ...added } }
}
