import { notify } from '../notify.ts'
import { Admission } from './admission.ts'
import { type ConcurrencyLimitOptions, resolveConcurrencyLimit } from './concurrency-limit-options.ts'
import { LatencyGradient } from './latency-gradient.ts'
import { isObserved, tell } from './policy-events.ts'
import { describeQueue } from './queue-options.ts'
import type { Call, Stage } from './stage.ts'

export interface ConcurrencyLimit extends Stage {
  /** Calls that may run inside at once, now. */
  readonly limit: number
  /** Calls that hold a slot; for a while more than a limit that was lowered. */
  readonly running: number
  /** Calls that wait for one. */
  readonly queued: number
}

/** Set before the call waits, so that it may be completed afterwards, when the call itself must not be touched. */
interface Entered {
  startedAt: number
}

/**
 * A bulkhead that finds its limit: as many calls at once as the callee serves without letting them wait, judged by their latency. What
 * is more waits in a bounded queue or is refused, so that an overloaded callee goes on working at its full rate. A call keeps its slot
 * until every callee that it started inside has settled. See LatencyGradient.
 */
export function concurrencyLimit(options: ConcurrencyLimitOptions = {}): ConcurrencyLimit {
  const resolved = resolveConcurrencyLimit(options)
  const { name, initialLimit, minLimit, maxLimit, classify, onLimitChange, random } = resolved
  const admission = new Admission({ ...resolved, policy: 'concurrencyLimit', limit: initialLimit })
  const { release } = admission
  let gradient: LatencyGradient | undefined

  const follow = (to: number): void => {
    const from = admission.limit
    if (from === to) return
    admission.limit = to
    notify('onLimitChange', onLimitChange, { name, from, to })
    if (isObserved()) tell({ policy: 'concurrencyLimit', name, event: 'limit-change', from, to })
  }

  return {
    name: 'concurrencyLimit',
    description: `concurrencyLimit (${minLimit} to ${maxLimit} at once, ${describeQueue(resolved)})`,
    get limit() {
      return admission.limit
    },
    get running() {
      return admission.running
    },
    get queued() {
      return admission.queued
    },
    enter(call: Call, at: number): void | Promise<void> {
      const { clock } = call
      const entered: Entered = { startedAt: clock.now() }
      gradient ??= new LatencyGradient(resolved, random, entered.startedAt)
      if (admission.running >= admission.limit) {
        gradient.tick(entered.startedAt)
        follow(gradient.limit)
      }
      call.setState(at, entered)
      return admission.enter(call)?.then(() => {
        entered.startedAt = clock.now()
      })
    },
    leave(call: Call, at: number): void {
      const { running } = admission
      call.whenSettled(at, release)
      const verdict = classify(call)
      if (verdict === 'ignore' || gradient === undefined) return
      const { startedAt } = call.state(at) as Entered
      gradient.observe({ startedAt, endedAt: call.clock.now(), overloaded: verdict === 'overload', running })
      follow(gradient.limit)
    },
    undo: release,
    readings: () => admission.readings(),
  }
}
