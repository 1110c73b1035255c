import { callable, number, type Rule } from '../options.ts'
import { notBelow } from './rules.ts'
import type { Call } from './stage.ts'

/** How calls wait for a place: of `bulkhead` and of `concurrencyLimit`. */
export interface QueueOptions {
  /** Calls that may wait for their turn; further ones are refused at once. @default 0 */
  readonly maxQueue?: number
  /** A call that has waited this long is refused. @default Infinity */
  readonly maxQueueMs?: number
  /**
   * Sheds load by the time in the queue: while the queue has not been empty for `maxQueueMs`, calls wait at most this long and the newest
   * goes first, whose caller has most likely not given up yet. Needs a finite `maxQueueMs`.
   * Source: B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015 (controlled delay, adaptive LIFO), after CoDel, RFC 8289.
   * @default maxQueueMs, which never sheds by it
   */
  readonly overloadQueueMs?: number
  /**
   * The more, the sooner a waiting call gets its turn; into a full queue it comes in place of the newest of the lowest priority below
   * its own. Use few different numbers. @default every call 0
   */
  readonly priority?: (call: Call) => number
}

export const QUEUE_DEFAULTS: Readonly<Required<Pick<QueueOptions, 'maxQueue' | 'maxQueueMs'>>> = Object.freeze({
  maxQueue: 0,
  maxQueueMs: Number.POSITIVE_INFINITY,
})

export const QUEUE_RULES: { readonly [Key in keyof Required<QueueOptions>]: Rule } = {
  maxQueue: number({ min: 0, integer: true, infinite: true }),
  maxQueueMs: number({ min: 0, infinite: true }),
  overloadQueueMs: number({ min: 0 }),
  priority: callable,
}

/** What else must hold among them: that shedding has something to shed by. */
export function overloadRule(key: string, { overloadQueueMs }: QueueOptions): Rule | undefined {
  if (overloadQueueMs === undefined) return undefined
  const { expected, accepts } = notBelow(`${key}.overloadQueueMs`, overloadQueueMs)
  return {
    expected: `finite, and ${expected}`,
    accepts: (value) => accepts(value) && value !== Number.POSITIVE_INFINITY,
  }
}

export function describeQueue({ maxQueue, maxQueueMs, overloadQueueMs }: QueueOptions): string {
  const most = maxQueueMs === Number.POSITIVE_INFINITY ? '' : ` for at most ${maxQueueMs} ms`
  const shed = overloadQueueMs === undefined ? '' : `, ${overloadQueueMs} ms when overloaded`
  return `${maxQueue} waiting${most}${shed}`
}
