import type { Clock } from '@comm/core'
import { errorType, runningTracer } from '@comm/core/telemetry'
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
import { textOf } from '../headers.ts'
import type { Message } from '../message.ts'
import { type Outcome, RELEASE } from '../outcome.ts'
import type { PipelineParts, Step } from '../pipeline/step.ts'
import { consumerAttributes, topicName } from './attributes.ts'
import { type Instruments, instruments, SCOPE } from './instruments.ts'

/** Asks the message for its headers only when something propagates. */
const headerGetter: TextMapGetter<Message> = {
  get: ({ headers }, name) => textOf(headers[name]),
  keys: ({ headers }) => Object.keys(headers),
}

interface Observed {
  readonly clock: Clock
  readonly startedAt: number
  readonly attributes: Attributes
  readonly measured: Instruments | undefined
  readonly span: Span | undefined
  /** Of everything that the message causes. */
  readonly within: Context
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
    const parent = propagation.extract(ROOT_CONTEXT, message, headerGetter)
    const observed = begin(message, parent)
    const traced = observed?.within ?? parent
    try {
      const outcome = isTraced(traced) ? context.with(traced, next, undefined, message) : next(message)
      if (outcome instanceof Promise) return whenOver(outcome, message, observed)
      return finish(outcome, observed)
    } catch (error) {
      return broken(error, message, observed)
    }
  }

  function whenOver(outcome: Promise<Outcome>, message: Message, observed: Observed | undefined): Promise<Outcome> {
    return outcome.then(
      (found) => finish(found, observed),
      (error: unknown) => broken(error, message, observed),
    )
  }

  function finish(outcome: Outcome, observed: Observed | undefined): Outcome {
    stats.inFlight--
    count(outcome)
    if (observed !== undefined) end(observed, outcome)
    return outcome
  }

  function broken(error: unknown, message: Message, observed: Observed | undefined): Outcome {
    logger.error(`message ${message.id} of ${message.topic} could not be settled; the broker will deliver it again`, { error })
    return finish(RELEASE, observed)
  }

  /** @returns undefined while nobody collects */
  function begin(message: Message, parent: Context): Observed | undefined {
    const measured = instruments()
    const tracing = runningTracer(SCOPE)
    if (measured === undefined && tracing === undefined) return undefined
    const attributes = consumerAttributes(system, group, message.topic)
    const span = tracing?.startSpan(`process ${topicName(message.topic)}`, { kind: SpanKind.CONSUMER }, parent)
    if (span?.isRecording()) span.setAttributes({ ...attributes, 'messaging.message.id': message.id })
    measured?.inFlight.add(1, attributes)
    const within = span === undefined ? parent : trace.setSpan(parent, span)
    return { clock, startedAt: clock.now(), attributes, measured, span, within, deaths }
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

function isTraced(within: Context): boolean {
  return within !== ROOT_CONTEXT && trace.getSpanContext(within) !== undefined
}

function end({ clock, startedAt, attributes, measured, span, within, deaths }: Observed, outcome: Outcome): void {
  if (span?.isRecording()) describe(span, outcome)
  span?.end()
  if (measured === undefined) return
  measured.inFlight.add(-1, attributes)
  measured.consumed.add(1, attributes)
  const failed = outcome.kind === 'retry' || outcome.kind === 'dead'
  const found = failed ? { ...attributes, 'error.type': errorType(outcome.error) } : attributes
  measured.processDuration.record((clock.now() - startedAt) / 1000, found, within)
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
