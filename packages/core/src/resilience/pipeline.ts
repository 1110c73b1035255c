import { type Clock, systemClock } from '../clock.ts'
import { currentContext } from '../context.ts'
import { callable, checkArgument, checkOptions, type Rule } from '../options.ts'
import { noteRun } from './policy-events.ts'
import { watchReadings } from './readings.ts'
import { aClock } from './rules.ts'
import { RunningCall, type Slot } from './running-call.ts'
import type { Callee, Cancellation, Pipeline, RunInside, Stage } from './stage.ts'

export interface PipelineOptions {
  /** @default systemClock */
  readonly clock?: Clock
}

const STAGES: Rule = { expected: 'an array of stages', accepts: Array.isArray }
const STAGE: Rule = { expected: 'a stage such as retry(), breaker() or timeout()', accepts: isStage }
const SIGNAL: Rule = {
  expected: 'an AbortSignal',
  accepts: (value) => typeof (value as Partial<AbortSignal> | null | undefined)?.aborted === 'boolean',
}

/** The stages up to and including one that takes over the call of those further in, or up to the end. */
interface Segment {
  readonly slots: readonly Slot[]
  readonly base: number
  /** Absent in the innermost segment, which calls the callee. */
  readonly takenOver?: { readonly around: NonNullable<Stage['around']>; readonly inside: Segment }
}

function segment(stages: readonly Stage[], base: number): Segment {
  const found = stages.findIndex((stage, at) => at >= base && stage.around !== undefined)
  const end = found === -1 ? stages.length : found + 1
  const slots = stages.slice(base, end).map((stage) => ({
    enter: stage.enter?.bind(stage),
    leave: stage.leave?.bind(stage),
    undo: stage.undo?.bind(stage),
  }))
  const taker = stages[found]
  const around = taker?.around?.bind(taker)
  return { slots, base, ...(around === undefined ? {} : { takenOver: { around, inside: segment(stages, end) } }) }
}

/** What a segment calls innermost: the user's callee, or the `around` stage that decides when the next segment runs. */
function calleeOf({ takenOver, base, slots }: Segment, callee: Callee<unknown, unknown>): Callee<unknown, unknown> {
  if (takenOver === undefined) return callee
  const { around, inside } = takenOver
  const innermost = calleeOf(inside, callee)
  const at = base + slots.length - 1
  return (argument, call) => {
    const outer = call as RunningCall
    const { signal: outerSignal, ticket, deadlineAt } = outer
    const runInside: RunInside = ({ signal, target = outer.target } = {}) => {
      const inner = new RunningCall(inside.slots, inside.base, innermost, argument, outer.clock, deadlineAt)
      inner.target = target
      return inner.startInside(outer, ticket, outerSignal, signal)
    }
    // What wakes the stage (a timer shared with other calls) may run in the async context of others.
    const runInContext: RunInside = (options) => outer.runInAsyncScope(runInside, undefined, options)
    return around(outer, at, runInContext)
  }
}

/**
 * Puts stages in front of a call. Array order is execution order, outermost first:
 * `pipeline([retry(), breaker(), timeout({ ms: 800 })])` retries a call that passes the breaker and has 800 ms an attempt.
 * The deadline and the signal of the current call context hold for every run.
 *
 * @throws ConfigurationError when something in the array is not a stage
 */
export function pipeline(stages: readonly Stage[], options: PipelineOptions = {}): Pipeline {
  checkArgument('stages', stages, STAGES)
  stages.forEach((stage, at) => {
    checkArgument(`stages[${at}]`, stage, STAGE)
  })
  checkOptions<PipelineOptions>('pipeline', options, { clock: aClock })
  const frozen = Object.freeze([...stages])
  const { clock = systemClock } = options
  const outermost = segment(frozen, 0)
  watchReadings(frozen)

  return {
    stages: frozen,
    run<Argument, Result>(callee: Callee<Argument, Result>, argument: Argument, signal?: Cancellation): Promise<Result> {
      try {
        checkArgument('run callee', callee, callable)
        if (signal !== undefined) checkArgument('run signal', signal, SIGNAL)
      } catch (wrong) {
        return Promise.reject(wrong)
      }
      noteRun()
      const context = currentContext()
      const deadlineAt = context?.deadlineAt ?? Number.POSITIVE_INFINITY
      const innermost = outermost.takenOver === undefined ? callee : calleeOf(outermost, callee as Callee<unknown, unknown>)
      const call = new RunningCall(outermost.slots, 0, innermost as Callee<unknown, unknown>, argument, clock, deadlineAt)
      return call.start(signal, context?.signal) as Promise<Result>
    },
    describe: () => frozen.map((stage) => stage.description ?? stage.name).join('\n'),
  }
}

function isStage(value: unknown): value is Stage {
  if (typeof value !== 'object' || value === null) return false
  const { name, enter, leave, undo, around, readings } = value as Partial<Record<keyof Stage, unknown>>
  const steps = [enter, leave, undo, around, readings]
  return typeof name === 'string' && steps.every((step) => step === undefined || typeof step === 'function')
}
