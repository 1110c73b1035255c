import { runInContext } from '@comm/core'
import {
  type Attributes,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api'
import { type Headers, textOf } from '../headers.ts'
import type { Message } from '../message.ts'
import { type Outcome, RELEASE } from '../outcome.ts'
import type { PipelineParts, Step } from '../pipeline/step.ts'
import { errorType } from './error-type.ts'
import { type Instruments, instruments, SCOPE } from './instruments.ts'

const headerGetter: TextMapGetter<Headers> = {
  get: (headers, name) => textOf(headers[name]),
  keys: (headers) => Object.keys(headers),
}

/**
 * The outermost step: counts, times and traces each delivery as a child of the trace it came with, and never rejects, whatever happens
 * inside. Costs next to nothing while no OpenTelemetry SDK runs.
 */
export function observe(next: Step, parts: PipelineParts): Step {
  const { clock, logger, stats, system } = parts
  const { group } = parts.options

  return async (message) => {
    const parent = propagation.extract(ROOT_CONTEXT, message.headers, headerGetter)
    const span = trace.getTracer(SCOPE).startSpan(`process ${message.topic}`, { kind: SpanKind.CONSUMER }, parent)
    if (span.isRecording()) span.setAttributes({ ...attributesOf(message), 'messaging.message.id': message.id })
    const found = instruments()
    const startedAt = found === undefined ? 0 : clock.now()
    stats.consumed++
    stats.inFlight++
    found?.inFlight.add(1, attributesOf(message))
    let outcome: Outcome = RELEASE
    try {
      outcome = isSpanContextValid(span.spanContext())
        ? await context.with(trace.setSpan(parent, span), inContext, undefined, message)
        : await inContext(message)
    } catch (error) {
      logger.error(`message ${message.id} of ${message.topic} could not be settled; the broker will deliver it again`, { error })
    }
    stats.inFlight--
    count(outcome)
    end(span, outcome)
    if (found !== undefined) measure(found, attributesOf(message), outcome, (clock.now() - startedAt) / 1000)
    return outcome
  }

  /** So that the log lines of every step carry the message's correlation id. */
  function inContext(message: Message): Promise<Outcome> {
    return runInContext({ correlationId: message.correlationId }, () => next(message))
  }

  function attributesOf(message: Message): Attributes {
    const attributes: Attributes = {
      'messaging.system': system,
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': message.topic,
    }
    if (group !== undefined) attributes['messaging.consumer.group.name'] = group
    return attributes
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

function end(span: Span, outcome: Outcome): void {
  if (span.isRecording()) {
    span.setAttribute('comm.messaging.outcome', outcome.kind === 'done' ? outcome.how : outcome.kind)
    if (outcome.kind === 'retry' || outcome.kind === 'dead') {
      span.setAttribute('error.type', errorType(outcome.error))
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.error.message })
      span.recordException(outcome.error)
    }
  }
  span.end()
}

function measure(to: Instruments, attributes: Attributes, outcome: Outcome, seconds: number): void {
  to.inFlight.add(-1, attributes)
  to.consumed.add(1, attributes)
  const failed = outcome.kind === 'retry' || outcome.kind === 'dead'
  to.processDuration.record(seconds, failed ? { ...attributes, 'error.type': errorType(outcome.error) } : attributes)
  if (outcome.kind === 'retry') to.retried.add(1, attributes)
  else if (outcome.kind === 'dead') to.dead.add(1, { ...attributes, 'comm.messaging.reason': outcome.reason })
  else if (outcome.kind === 'done' && outcome.how === 'duplicate') to.deduplicated.add(1, attributes)
  else if (outcome.kind === 'done' && outcome.how === 'expired') to.expired.add(1, attributes)
}
