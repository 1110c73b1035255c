import { ServiceUnavailableError } from '@comm/core'
import type { TestClock } from '@comm/testkit'

export interface SimulatedServerOptions {
  readonly clock: TestClock
  /** Requests that it serves at once. */
  readonly workers: number
  /** Milliseconds of work for one request, asked when the work begins. */
  readonly serviceMs: () => number
  /** Requests that may wait for a worker; a server without limit accepts everything. */
  readonly maxQueue?: number
}

/**
 * A server with so many workers and a queue, first come first served, in simulated time. Like most real ones it does not learn that a
 * client has given up: it does the work all the same, which is how an overloaded one collapses.
 */
export class SimulatedServer {
  readonly #options: SimulatedServerOptions
  readonly #queue: (() => void)[] = []
  #busy = 0
  served = 0

  constructor(options: SimulatedServerOptions) {
    this.#options = options
  }

  get queued(): number {
    return this.#queue.length
  }

  get busy(): number {
    return this.#busy
  }

  readonly handle = (): Promise<string> => {
    const { maxQueue = Number.POSITIVE_INFINITY, workers } = this.#options
    if (this.#busy < workers) return this.#work()
    if (this.#queue.length >= maxQueue) return Promise.reject(new ServiceUnavailableError('the queue is full'))
    return new Promise((resolve) => this.#queue.push(() => resolve(this.#work())))
  }

  #work(): Promise<string> {
    this.#busy++
    const { clock, serviceMs } = this.#options
    return new Promise((resolve) => {
      clock.setTimer(serviceMs(), () => {
        this.#busy--
        this.served++
        resolve('done')
        this.#queue.shift()?.()
      })
    })
  }
}
