import { ORDER, type Order } from './order.ts'

/** Pairs each publish with the arrival of its message, for publisher and subscriber in one process. Channels keep their order. */
export class Echo {
  readonly #waiting: (() => void)[] = []

  readonly arrived = (order: Order): void => {
    if (order.id !== ORDER.id) throw new Error(`a message came that is no order: ${JSON.stringify(order)}`)
    this.#waiting.shift()?.()
  }

  /** Publishes, and waits until the message has come back. */
  async send(publish: () => Promise<unknown>): Promise<void> {
    const arrived = new Promise<void>((resolve) => this.#waiting.push(resolve))
    await publish()
    await arrived
  }
}
