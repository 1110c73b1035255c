import { CircuitBreakerOpenError } from '../errors/errors.ts'
import { type BreakerOptions, type BreakerState, resolveBreaker, windowOf } from './breaker-options.ts'
import type { Call, Stage } from './stage.ts'

export interface Breaker extends Stage {
  readonly state: BreakerState
  /** Opens it by hand; it stays open until `reset()`. */
  isolate(): void
  /** Closes it and forgets what it counted. */
  reset(): void
}

/**
 * Stops calling a callee that fails: closed while all is well, open (nothing is called, CircuitBreakerOpenError) after too
 * many failures or slow calls, half-open when a few probes decide. An outcome counts only for the state in which its call
 * began. Source: M. Nygard, "Release It!".
 */
export function breaker(options: BreakerOptions = {}): Breaker {
  const resolved = resolveBreaker(options)
  const { name, clock, classify, openMs, openGrowth, maxOpenMs, halfOpenCalls, slowCallMs, minimumCalls } = resolved
  const { consecutiveFailures, failureRatio, slowCallRatio, onStateChange } = resolved
  const window = windowOf(resolved)
  const measuresTime = slowCallMs !== Number.POSITIVE_INFINITY || 'ms' in resolved.window

  let state: BreakerState = 'closed'
  /** Counts the changes of state; a call keeps the period that it began in. */
  let period = 0
  let openUntil = 0
  let openedInARow = 0
  let probes = 0
  let probesSucceeded = 0

  const become = (to: BreakerState): void => {
    const from = state
    if (from === to) return
    state = to
    period++
    probes = probesSucceeded = 0
    if (to === 'closed') {
      openedInARow = 0
      window.reset()
    }
    onStateChange?.({ breaker: name, from, to })
  }

  const open = (): void => {
    openUntil = clock.now() + Math.min(maxOpenMs, openMs * openGrowth ** openedInARow)
    openedInARow++
    become('open')
  }

  const isTooBad = (): boolean => {
    if (consecutiveFailures !== undefined) return window.failures >= consecutiveFailures || window.slow >= consecutiveFailures
    if (window.calls < minimumCalls) return false
    return (
      (window.failures > 0 && window.failures >= failureRatio * window.calls) ||
      (window.slow > 0 && window.slow >= slowCallRatio * window.calls)
    )
  }

  const refuse = (): never => {
    if (state === 'isolated')
      throw new CircuitBreakerOpenError(`${name} was isolated by hand; reset() closes it`, { details: { breaker: name } })
    const retryAfterMs = Math.max(0, Math.ceil(openUntil - clock.now()))
    const why =
      state === 'open' ? `open for another ${retryAfterMs} ms` : `half-open and its ${halfOpenCalls} probe(s) are under way`
    throw new CircuitBreakerOpenError(`${name} is ${why}; the call was not made`, { details: { breaker: name, retryAfterMs } })
  }

  const judgeProbe = (failed: boolean): void => {
    if (failed) return open()
    probesSucceeded++
    if (probesSucceeded >= halfOpenCalls) become('closed')
  }

  return {
    name: 'breaker',
    description:
      consecutiveFailures === undefined
        ? `breaker (opens at ${failureRatio * 100} % failures of ${'calls' in resolved.window ? `${resolved.window.calls} calls` : `${resolved.window.ms} ms`}, for ${openMs} ms)`
        : `breaker (opens after ${consecutiveFailures} failures in a row, for ${openMs} ms)`,
    get state() {
      return state
    },
    isolate: () => become('isolated'),
    reset() {
      window.reset()
      become('closed')
    },
    enter(call: Call, at: number): void {
      if (state !== 'closed') {
        if (state === 'open' && clock.now() >= openUntil) become('half-open')
        if (state !== 'half-open' || probes >= halfOpenCalls) refuse()
        probes++
      }
      call.setState(at, measuresTime ? { period, startedAt: clock.now() } : period)
    },
    leave(call: Call, at: number): void {
      const entered = call.state(at) as number | { readonly period: number; readonly startedAt: number }
      if (period !== (typeof entered === 'number' ? entered : entered.period)) return
      const verdict = classify(call)
      if (verdict === 'ignore') {
        if (state === 'half-open') probes--
        return
      }
      const failed = verdict === 'failure'
      if (typeof entered === 'number') {
        if (state === 'half-open') return judgeProbe(failed)
        window.record(failed, false, 0)
      } else {
        const now = clock.now()
        const slow = now - entered.startedAt > slowCallMs
        if (state === 'half-open') return judgeProbe(failed || slow)
        window.record(failed, slow, now)
      }
      if ((failed || measuresTime) && state === 'closed' && isTooBad()) open()
    },
  }
}
