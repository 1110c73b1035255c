import { type Clock, runInContext } from '@comm/core'
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api'
import { type Headers, textOf } from '../headers.ts'
import { contextOf, type Message } from '../message.ts'
import { type Outcome, RELEASE } from '../outcome.ts'
import type { PipelineParts, Step } from '../pipeline/step.ts'
import { consumerAttributes } from './attributes.ts'
import { errorType } from './error-type.ts'
import { type Instruments, instruments } from './instruments.ts'
import { tracer } from './tracer.ts'

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => textOf(headers[name]),
  keys: (headers) => Object.keys(headers),
}

interface Observed {
  readonly clock: Clock
  readonly startedAt: number
  readonly attributes: Attributes
  readonly measured: Instruments | undefined
  readonly span: Span | undefined
  /** What a dead message counts as; undefined where it is answered with the error. */
  readonly deaths: 'dead' | 'dropped' | undefined
}

/**
 * The outermost step: counts, times and traces each delivery as a child of the trace it came with, and never rejects, whatever happens
 * inside. Costs next to nothing while no OpenTelemetry SDK runs.
 */
export function observe(next: Step, parts: PipelineParts): Step {
  const { clock, logger, stats, system } = parts
  const { deadLetter, group } = parts.options
  const deaths = parts.bury !== undefined ? undefined : deadLetter ? 'dead' : 'dropped'

  return (message) => {
    stats.consumed++
    stats.inFlight++
    const parent = propagation.extract(ROOT_CONTEXT, message.headers, headerGetter)
    const observed = begin(message, parent)
    const traced = observed?.span === undefined ? parent : trace.setSpan(parent, observed.span)
    const finish = (outcome: Outcome): Outcome => {
      stats.inFlight--
      count(outcome)
      if (observed !== undefined) end(observed, outcome)
      return outcome
    }
    const broken = (error: unknown): Outcome => {
      logger.error(`message ${message.id} of ${message.topic} could not be settled; the broker will deliver it again`, { error })
      return finish(RELEASE)
    }
    try {
      const outcome =
        trace.getSpanContext(traced) === undefined ? inContext(message) : context.with(traced, inContext, undefined, message)
      return outcome instanceof Promise ? outcome.then(finish, broken) : finish(outcome)
    } catch (error) {
      return broken(error)
    }
  }

  /** So that the log lines of every step carry the message's correlation id. */
  function inContext(message: Message): Outcome | Promise<Outcome> {
    return runInContext(contextOf(message), () => next(message))
  }

  /** @returns undefined while nobody collects */
  function begin(message: Message, parent: Context): Observed | undefined {
    const measured = instruments()
    const tracing = tracer()
    if (measured === undefined && tracing === undefined) return undefined
    const attributes = consumerAttributes(system, group, message.topic)
    const span = tracing?.startSpan(`process ${message.topic}`, { kind: SpanKind.CONSUMER }, parent)
    if (span?.isRecording()) span.setAttributes({ ...attributes, 'messaging.message.id': message.id })
    measured?.inFlight.add(1, attributes)
    return { clock, startedAt: clock.now(), attributes, measured, span, deaths }
  }

  function count(outcome: Outcome): void {
    if (outcome.kind === 'release') stats.released++
    else if (outcome.kind === 'done') {
      if (outcome.how === 'handled') stats.handled++
      else if (outcome.how === 'duplicate') stats.deduplicated++
      else stats.expired++
    }
  }
}

function end({ clock, startedAt, attributes, measured, span, deaths }: Observed, outcome: Outcome): void {
  if (span?.isRecording()) describe(span, outcome)
  span?.end()
  if (measured === undefined) return
  measured.inFlight.add(-1, attributes)
  measured.consumed.add(1, attributes)
  const failed = outcome.kind === 'retry' || outcome.kind === 'dead'
  const found = failed ? { ...attributes, 'error.type': errorType(outcome.error) } : attributes
  measured.processDuration.record((clock.now() - startedAt) / 1000, found)
  if (outcome.kind === 'retry') measured.retried.add(1, attributes)
  else if (outcome.kind === 'dead' && deaths !== undefined)
    measured[deaths].add(1, { ...attributes, 'comm.messaging.reason': outcome.reason })
  else if (outcome.kind === 'done' && outcome.how === 'duplicate') measured.deduplicated.add(1, attributes)
  else if (outcome.kind === 'done' && outcome.how === 'expired') measured.expired.add(1, attributes)
}

function describe(span: Span, outcome: Outcome): void {
  span.setAttribute('comm.messaging.outcome', outcome.kind === 'done' ? outcome.how : outcome.kind)
  if (outcome.kind !== 'retry' && outcome.kind !== 'dead') return
  span.setAttribute('error.type', errorType(outcome.error))
  span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.error.message })
  span.recordException(outcome.error)
}
