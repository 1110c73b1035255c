import { boolean, checkArgument, checkOptions, nonEmptyText, required, withDefaults } from '../options.ts'
import { Admission } from './admission.ts'
import { describeQueue, overloadRule, QUEUE_DEFAULTS, QUEUE_RULES, type QueueOptions } from './queue-options.ts'
import { aCount } from './rules.ts'
import type { Call, Stage } from './stage.ts'

export interface BulkheadOptions extends QueueOptions {
  /** Names it in events and metrics. @default 'bulkhead' */
  readonly name?: string
  /** Calls that may run inside at once. */
  readonly limit: number
  /**
   * Free the slot of a timed-out call at once, though its callee may still run. The limit then bounds what is waited for,
   * not what runs. @default false
   */
  readonly releaseOnTimeout?: boolean
}

export const BULKHEAD_DEFAULTS: Readonly<
  Required<Pick<BulkheadOptions, 'name' | 'maxQueue' | 'maxQueueMs' | 'releaseOnTimeout'>>
> = Object.freeze({ name: 'bulkhead', ...QUEUE_DEFAULTS, releaseOnTimeout: false })

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
    name: nonEmptyText,
    limit: required(aCount),
    ...QUEUE_RULES,
    releaseOnTimeout: boolean,
  })
  const resolved = withDefaults(BULKHEAD_DEFAULTS, options)
  const { name, limit, releaseOnTimeout, maxQueueMs } = resolved
  const rule = overloadRule('bulkhead', options)
  if (rule !== undefined) checkArgument('bulkhead.maxQueueMs', maxQueueMs, rule)
  const admission = new Admission({ ...resolved, policy: 'bulkhead' })
  const { release } = admission

  return {
    name: 'bulkhead',
    description: `bulkhead${name === 'bulkhead' ? '' : ` ${name}`} (${limit} at once, ${describeQueue(resolved)})`,
    get running() {
      return admission.running
    },
    get queued() {
      return admission.queued
    },
    enter: (call: Call) => admission.enter(call),
    leave(call: Call, at: number): void {
      if (releaseOnTimeout) release()
      else call.whenSettled(at, release)
    },
    undo: release,
    readings: () => admission.readings(),
  }
}
