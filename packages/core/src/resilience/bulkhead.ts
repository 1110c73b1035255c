import { BulkheadFullError } from '../errors/errors.ts'
import { boolean, checkOptions, number, required, withDefaults } from '../options.ts'
import { aCount } from './rules.ts'
import type { Call, Stage } from './stage.ts'

export interface BulkheadOptions {
  /** Calls that may run inside at once. */
  readonly limit: number
  /** Calls that may wait for their turn; further ones are refused at once. @default 0 */
  readonly maxQueue?: number
  /**
   * Free the slot of a timed-out call at once, though its callee may still run. The limit then bounds what is waited for,
   * not what runs. @default false
   */
  readonly releaseOnTimeout?: boolean
}

export const BULKHEAD_DEFAULTS: Readonly<Required<Omit<BulkheadOptions, 'limit'>>> = Object.freeze({
  maxQueue: 0,
  releaseOnTimeout: false,
})

export interface Bulkhead extends Stage {
  /** Calls that hold a slot. */
  readonly running: number
  /** Calls that wait for one. */
  readonly queued: number
}

/**
 * At most `limit` calls run inside at once; a bounded queue waits, first come first served. A call keeps its slot until every
 * callee that it started inside has settled, also one that timed out and ignores its signal. One bulkhead in several pipelines
 * limits them together. Outside a `retry` it counts calls, inside it attempts.
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  checkOptions<BulkheadOptions>('bulkhead', options, {
    limit: required(aCount),
    maxQueue: number({ min: 0, integer: true, infinite: true }),
    releaseOnTimeout: boolean,
  })
  const { limit, maxQueue, releaseOnTimeout } = withDefaults(BULKHEAD_DEFAULTS, options)
  /** In order of arrival. A Set, so that an aborted waiter leaves in constant time. */
  const queue = new Set<() => void>()
  let running = 0

  /** Hands the slot to the next in the queue, or frees it. */
  const release = (): void => {
    const [next] = queue
    if (next === undefined) {
      running--
      return
    }
    queue.delete(next)
    next()
  }

  const wait = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = (): void => {
        queue.delete(admit)
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      queue.add(admit)
    })

  return {
    name: 'bulkhead',
    description: `bulkhead (${limit} at once, ${maxQueue} waiting)`,
    get running() {
      return running
    },
    get queued() {
      return queue.size
    },
    enter(call: Call): void | Promise<void> {
      if (running < limit) {
        running++
        return
      }
      if (queue.size >= maxQueue) {
        throw new BulkheadFullError(`${limit} calls are running and ${queue.size} are waiting, which is all that is allowed`, {
          details: { limit, maxQueue },
        })
      }
      return wait(call.signal)
    },
    leave(call: Call, at: number): void {
      if (releaseOnTimeout) release()
      else call.whenSettled(at, release)
    },
    undo: release,
  }
}
