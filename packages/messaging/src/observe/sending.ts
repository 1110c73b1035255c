import type { Clock, CommunicationError } from '@comm/core'
import { errorType, runningTracer } from '@comm/core/telemetry'
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { Waiter } from '../buffer/entry.ts'
import { producerAttributes, topicName } from './attributes.ts'
import { type Instruments, instruments, SCOPE } from './instruments.ts'
import type { MessagingStats } from './stats.ts'

/** Watches publishes: counts, times and traces them. Costs next to nothing while no OpenTelemetry SDK runs. */
export class SendObserver {
  readonly #system: string
  readonly #clock: Clock
  readonly #stats: MessagingStats

  constructor(system: string, clock: Clock, stats: MessagingStats) {
    this.#system = system
    this.#clock = clock
    this.#stats = stats
  }

  /** @param waiter is told what the sending is told */
  begin(topic: string, waiter: Waiter): Sending {
    const measured = instruments()
    const tracing = runningTracer(SCOPE)
    const observed =
      measured === undefined && tracing === undefined
        ? undefined
        : {
            clock: this.#clock,
            startedAt: this.#clock.now(),
            attributes: producerAttributes(this.#system, topic),
            measured,
            span: tracing?.startSpan(`send ${topicName(topic)}`, {
              kind: SpanKind.PRODUCER,
              attributes: producerAttributes(this.#system, topic),
            }),
          }
    return new Sending(waiter, this.#stats, observed)
  }
}

interface Observed {
  readonly clock: Clock
  readonly startedAt: number
  readonly attributes: Attributes
  readonly measured: Instruments | undefined
  readonly span: Span | undefined
}

/** One publish under way. */
export class Sending implements Waiter {
  readonly #waiter: Waiter
  readonly #stats: MessagingStats
  /** Undefined while nobody collects. */
  readonly #observed: Observed | undefined

  constructor(waiter: Waiter, stats: MessagingStats, observed: Observed | undefined) {
    this.#waiter = waiter
    this.#stats = stats
    this.#observed = observed
  }

  /** The context whose trace goes with the message. */
  get within(): Context {
    const span = this.#observed?.span
    return span !== undefined && isSpanContextValid(span.spanContext()) ? trace.setSpan(context.active(), span) : context.active()
  }

  confirmed(): void {
    this.#stats.published++
    if (this.#observed !== undefined) end(this.#observed, undefined)
    this.#waiter.confirmed()
  }

  failed(error: CommunicationError): void {
    this.#stats.publishFailed++
    if (this.#observed !== undefined) end(this.#observed, error)
    this.#waiter.failed(error)
  }
}

/** @param error undefined when the broker confirmed the message */
function end({ clock, startedAt, attributes, measured, span }: Observed, error: CommunicationError | undefined): void {
  if (error !== undefined && span?.isRecording()) {
    span.setAttribute('error.type', errorType(error))
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
  }
  span?.end()
  const found = error === undefined ? attributes : { ...attributes, 'error.type': errorType(error) }
  measured?.sent.add(1, found)
  measured?.sendDuration.record((clock.now() - startedAt) / 1000, found, span && trace.setSpan(context.active(), span))
}
