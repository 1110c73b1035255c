import { type Clock, systemClock } from '../clock.ts'
import { currentContext } from '../context.ts'
import { ConfigurationError } from '../errors/errors.ts'
import { describeValue } from '../options.ts'
import { RunningCall, type Slot } from './running-call.ts'
import type { Call, Callee, Pipeline, Stage } from './stage.ts'

export interface PipelineOptions {
  /** @default systemClock */
  readonly clock?: Clock
}

/** The stages up to and including one that takes over the call of those further in, or up to the end. */
interface Segment {
  readonly slots: readonly Slot[]
  readonly base: number
  readonly around: Stage | undefined
  readonly inner: Segment | undefined
}

function segment(stages: readonly Stage[], base: number): Segment {
  const found = stages.findIndex((stage, at) => at >= base && stage.around !== undefined)
  const end = found === -1 ? stages.length : found + 1
  return {
    slots: stages.slice(base, end).map((stage) => ({
      enter: stage.enter?.bind(stage),
      leave: stage.leave?.bind(stage),
      undo: stage.undo?.bind(stage),
    })),
    base,
    around: stages[found],
    inner: found === -1 ? undefined : segment(stages, end),
  }
}

/** What a segment calls innermost: the user's callee, or the `around` stage that decides when the next segment runs. */
function calleeOf({ around, inner, base, slots }: Segment, callee: Callee<unknown, unknown>): Callee<unknown, unknown> {
  if (around?.around === undefined || inner === undefined) return callee
  const takeOver = around.around.bind(around)
  const innermost = calleeOf(inner, callee)
  const at = base + slots.length - 1
  const runInner = (outer: Call): Promise<unknown> => {
    const call = new RunningCall(inner.slots, inner.base, innermost, outer.argument, outer.clock, outer.deadlineAt)
    call.target = outer.target
    return call.start(outer.signal)
  }
  return (_argument, call) => takeOver(call, at, runInner)
}

/**
 * Puts stages in front of a call. Array order is execution order, outermost first:
 * `pipeline([retry(), breaker(), timeout({ ms: 800 })])` retries a call that passes the breaker and has 800 ms an attempt.
 * The deadline and the signal of the current call context hold for every run.
 *
 * @throws ConfigurationError when something in the array is not a stage
 */
export function pipeline(stages: readonly Stage[], options: PipelineOptions = {}): Pipeline {
  stages.forEach((stage, at) => {
    if (isStage(stage)) return
    const key = `stages[${at}]`
    const expected = 'a stage such as retry(), breaker() or timeout()'
    const received = describeValue(stage)
    throw new ConfigurationError(`${key} must be ${expected}, got ${received}`, { problems: [{ key, expected, received }] })
  })
  const frozen = Object.freeze([...stages])
  const { clock = systemClock } = options
  const outermost = segment(frozen, 0)

  return {
    stages: frozen,
    run<Argument, Result>(callee: Callee<Argument, Result>, argument: Argument, signal?: AbortSignal): Promise<Result> {
      const context = currentContext()
      const deadlineAt = context?.deadlineAt ?? Number.POSITIVE_INFINITY
      const innermost = outermost.inner === undefined ? callee : calleeOf(outermost, callee as Callee<unknown, unknown>)
      const call = new RunningCall(outermost.slots, 0, innermost as Callee<unknown, unknown>, argument, clock, deadlineAt)
      return call.start(anyOf(signal, context?.signal)) as Promise<Result>
    },
    describe: () => frozen.map((stage) => stage.description ?? stage.name).join('\n'),
  }
}

function isStage(value: unknown): value is Stage {
  if (typeof value !== 'object' || value === null) return false
  const { name, enter, leave, undo, around } = value as Partial<Record<keyof Stage, unknown>>
  return (
    typeof name === 'string' && [enter, leave, undo, around].every((step) => step === undefined || typeof step === 'function')
  )
}

function anyOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || other === undefined || one === other) return one ?? other
  return AbortSignal.any([one, other])
}
