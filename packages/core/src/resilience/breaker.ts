import { CircuitBreakerOpenError } from '../errors/errors.ts'
import { notify } from '../notify.ts'
import { type BreakerOptions, type BreakerState, type ResolvedBreaker, resolveBreaker } from './breaker-options.ts'
import { type BreakerWindow, ConsecutiveWindow, CountWindow, TimeWindow } from './breaker-window.ts'
import { isObserved, tell } from './policy-events.ts'
import type { Call, Stage } from './stage.ts'

export interface Breaker extends Stage {
  /** `open` until the first call after its time is over comes as a probe. */
  readonly state: BreakerState
  /** Opens it by hand; it stays open until `reset()`. Calls under way go on; their outcomes no longer count. */
  isolate(): void
  /** Closes it and forgets what it counted. */
  reset(): void
}

interface Entered {
  readonly period: number
  readonly startedAt: number
}

/**
 * Stops calling a callee that fails: closed while all is well, open (nothing is called, CircuitBreakerOpenError) after too
 * many failures or slow calls, half-open when a few probes decide. An outcome counts only for the state in which its call
 * began. One breaker in several pipelines judges them together. A `timeout` further in keeps a probe from hanging, and the
 * breaker with it. Source: M. Nygard, "Release It!".
 */
export function breaker(options: BreakerOptions = {}): Breaker {
  const resolved = resolveBreaker(options)
  const { name, clock, classify, openMs, openGrowth, maxOpenMs, halfOpenCalls, slowCallMs } = resolved
  const window = windowOf(resolved)
  const isTooBad = judgeOf(resolved, window)
  const measuresTime = slowCallMs !== Number.POSITIVE_INFINITY || window instanceof TimeWindow

  let state: BreakerState = 'closed'
  /** Counts the changes of state; a call keeps the period that it began in. */
  let period = 0
  let openUntil = 0
  let openedInARow = 0
  let probesUnderWay = 0
  let probesSucceeded = 0

  const now = (call: Call): number => (clock ?? call.clock).now()

  const become = (to: BreakerState): void => {
    const from = state
    if (from === to) return
    state = to
    period++
    probesUnderWay = probesSucceeded = 0
    if (to === 'closed') {
      openedInARow = 0
      window.reset()
    }
    notify('onStateChange', resolved.onStateChange, { breaker: name, from, to })
    if (isObserved()) tell({ policy: 'breaker', name, event: 'state-change', from, to })
  }

  const open = (call: Call): void => {
    openUntil = now(call) + Math.min(maxOpenMs, openMs * openGrowth ** openedInARow)
    openedInARow++
    become('open')
  }

  const refuse = (call: Call): never => {
    if (isObserved()) tell({ policy: 'breaker', name, event: 'rejection', reason: 'open' })
    if (state === 'isolated')
      throw new CircuitBreakerOpenError(`${name} was isolated by hand; reset() closes it`, { details: { breaker: name } })
    const retryAfterMs = Math.max(0, Math.ceil(openUntil - now(call)))
    const why =
      state === 'open' ? `open for another ${retryAfterMs} ms` : `half-open and its ${halfOpenCalls} probe(s) are under way`
    throw new CircuitBreakerOpenError(`${name} is ${why}; the call was not made`, { details: { breaker: name, retryAfterMs } })
  }

  const admitProbe = (call: Call): void => {
    if (state === 'open' && now(call) >= openUntil) become('half-open')
    if (state !== 'half-open' || probesUnderWay + probesSucceeded >= halfOpenCalls) refuse(call)
    probesUnderWay++
  }

  const judgeProbe = (call: Call, failed: boolean): void => {
    if (failed) return open(call)
    probesSucceeded++
    if (probesSucceeded >= halfOpenCalls) become('closed')
  }

  return {
    name: 'breaker',
    description: describe(resolved),
    get state() {
      return state
    },
    readings: () => [{ kind: 'breakers', policy: 'breaker', name, value: 1, state }],
    isolate: () => become('isolated'),
    reset() {
      window.reset()
      become('closed')
    },
    enter(call: Call, at: number): void {
      if (state !== 'closed') admitProbe(call)
      call.setState(at, measuresTime ? ({ period, startedAt: now(call) } satisfies Entered) : period)
    },
    leave(call: Call, at: number): void {
      const entered = call.state(at) as number | Entered
      if (period !== (typeof entered === 'number' ? entered : entered.period)) return
      // Before the verdict, which may throw: a probe that says nothing makes room for another.
      if (state === 'half-open') probesUnderWay--
      const verdict = classify(call)
      if (verdict === 'ignore') return
      const failed = verdict === 'failure'
      const endedAt = typeof entered === 'number' ? 0 : now(call)
      const slow = typeof entered !== 'number' && endedAt - entered.startedAt > slowCallMs
      if (state === 'half-open') return judgeProbe(call, failed || slow)
      window.record(failed, slow, endedAt)
      if (isTooBad()) open(call)
    },
  }
}

function windowOf({ consecutiveFailures, window }: ResolvedBreaker): BreakerWindow {
  if (consecutiveFailures !== undefined) return new ConsecutiveWindow()
  return 'calls' in window ? new CountWindow(window.calls) : new TimeWindow(window.ms)
}

function judgeOf(options: ResolvedBreaker, window: BreakerWindow): () => boolean {
  const { consecutiveFailures, failureRatio, slowCallRatio, minimumCalls } = options
  if (consecutiveFailures !== undefined) return () => window.calls >= consecutiveFailures
  return () => {
    const { calls, failures, slow } = window
    if (calls < minimumCalls) return false
    return (failures > 0 && failures / calls >= failureRatio) || (slow > 0 && slow / calls >= slowCallRatio)
  }
}

function describe({ consecutiveFailures, failureRatio, window, openMs }: ResolvedBreaker): string {
  if (consecutiveFailures !== undefined) return `breaker (opens after ${consecutiveFailures} failures in a row, for ${openMs} ms)`
  const judged = 'calls' in window ? `${window.calls} calls` : `${window.ms} ms`
  return `breaker (opens when ${failureRatio} of the last ${judged} failed, for ${openMs} ms)`
}
