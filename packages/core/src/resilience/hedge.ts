import { notify } from '../notify.ts'
import { HEDGE_BUDGET, type HedgeOptions, type ResolvedHedge, resolveHedge } from './hedge-options.ts'
import { HedgedCall } from './hedged-call.ts'
import { LatencyQuantile } from './latency-quantile.ts'
import { isObserved, tell } from './policy-events.ts'
import { type RetryBudget, retryBudget } from './retry-budget.ts'
import type { Call, RunInside, Stage } from './stage.ts'

/** Latencies that the percentile is taken of. */
const WINDOW_CALLS = 1000

/**
 * Makes a further attempt when the first one is slow: the first good answer wins, the others are aborted through their signals. Cuts the
 * slow tail for little more load, for calls that may be made twice. It does not retry: put `retry` outside. A stage further in that
 * picks the instance is asked again for each attempt.
 * Source: J. Dean, L. A. Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013.
 */
export function hedge(options: HedgeOptions = {}): Stage {
  const resolved = resolveHedge(options)
  const { name, afterMs, percentile, minimumCalls, maxHedges, isSafe, isGood, onHedge } = resolved
  const latencies = afterMs === undefined ? new LatencyQuantile(WINDOW_CALLS) : undefined
  let budget: RetryBudget | undefined = options.budget

  const delay = (): number => {
    if (latencies === undefined) return afterMs ?? Number.POSITIVE_INFINITY
    return latencies.calls < minimumCalls ? Number.POSITIVE_INFINITY : latencies.quantile(percentile)
  }

  const refuse = (reason: 'unsafe' | 'budget'): false => {
    if (isObserved()) tell({ policy: 'hedge', name, event: 'hedge-refusal', reason })
    return false
  }

  return {
    name: 'hedge',
    description: describe(resolved),
    readings: () =>
      budget === undefined ? [] : [{ kind: 'hedge-budget', policy: 'hedge', name, value: budget.balance, of: budget }],
    around(call: Call, _at: number, runInside: RunInside): Promise<unknown> {
      const { clock, signal } = call
      budget ??= retryBudget({ ...HEDGE_BUDGET, clock })
      const purse = budget
      purse.deposit()
      const startedAt = clock.now()
      const delayMs = delay()
      const isWorthIt = startedAt + delayMs < call.deadlineAt
      // Asked now: later the call may be in its next attempt.
      const safe = isSafe === undefined || isSafe(call)
      return new HedgedCall(
        {
          clock,
          signal,
          maxHedges,
          isGood,
          delayMs: isWorthIt ? delayMs : Number.POSITIVE_INFINITY,
          mayHedge(number) {
            if (!safe) return refuse('unsafe')
            if (!purse.withdraw()) return refuse('budget')
            notify('onHedge', onHedge, { hedge: number, afterMs: delayMs })
            if (isObserved()) tell({ policy: 'hedge', name, event: 'hedge', hedge: number, afterMs: delayMs })
            return true
          },
          won(attempt) {
            // When a hedge has won, the first attempt would have taken longer than this; to leave it out would be to forget the slow ones.
            latencies?.record(clock.now() - startedAt)
            if (attempt > 0 && isObserved()) tell({ policy: 'hedge', name, event: 'hedge-win', hedge: attempt })
          },
        },
        runInside,
      ).start()
    },
  }
}

function describe({ afterMs, percentile, maxHedges }: ResolvedHedge): string {
  return `hedge (at most ${maxHedges}, after ${afterMs === undefined ? `percentile ${percentile} of the latencies` : `${afterMs} ms`})`
}
