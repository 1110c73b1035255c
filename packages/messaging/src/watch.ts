import { unlessAborted, withTimeLimit } from '@comm/core'
import { consumerAttributes } from './observe/attributes.ts'
import { instruments } from './observe/instruments.ts'
import { observeLag } from './observe/lag.ts'
import type { PipelineParts } from './pipeline/step.ts'
import { Watchdog, type Watched } from './watchdog.ts'

/** A subscription that has begun. */
export interface Running extends Watched {
  readonly topics: readonly string[]
  readonly group: string | undefined
  /** Aborts when it takes no more. */
  readonly stopping: AbortSignal
  readonly ended: Promise<unknown>
}

/** For the broker to say how far a group is behind. */
const LAG_LIMIT_MS = 5000

/** Has the lag of a subscription observed, and its silence noticed, until it ends. Lag belongs to a group, and to topics by name. */
export function watch(subscription: Running, parts: PipelineParts, isPattern: boolean): void {
  const { clock, logger, options, stats, system, admin } = parts
  const { group, topics, stopping, ended } = subscription
  if (admin === undefined || group === undefined || isPattern) return
  instruments()
  const ends = topics.map((topic) =>
    observeLag({
      attributes: consumerAttributes(system, group, topic),
      lag: () => withTimeLimit(clock, LAG_LIMIT_MS, undefined, (limit) => unlessAborted(admin.lag(topic, group), limit)),
    }),
  )
  if (options.watchdogMs > 0) {
    const onSilent = (): void => {
      stats.resubscribed++
      for (const topic of topics) instruments()?.resubscribed.add(1, consumerAttributes(system, group, topic))
    }
    const watchdog = new Watchdog(subscription, { silentMs: options.watchdogMs, clock, logger, onSilent })
    watchdog.start()
    ends.push(() => watchdog.stop())
  }
  const over = (): void => {
    for (const end of ends.splice(0)) end()
  }
  stopping.addEventListener('abort', over)
  void ended.then(over)
}
