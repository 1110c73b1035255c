import type { Clock } from '@comm/core'
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
import { errorType } from './error-type.ts'
import { instruments, SCOPE } from './instruments.ts'
import type { MessagingStats } from './stats.ts'

/** Watches publishes: counts, times and traces them. */
export class SendObserver {
  readonly #system: string
  readonly #clock: Clock
  readonly #stats: MessagingStats

  constructor(system: string, clock: Clock, stats: MessagingStats) {
    this.#system = system
    this.#clock = clock
    this.#stats = stats
  }

  begin(topic: string): Sending {
    const span = trace
      .getTracer(SCOPE)
      .startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, attributes: this.#attributes(topic) })
    const within = isSpanContextValid(span.spanContext()) ? trace.setSpan(context.active(), span) : context.active()
    return { topic, span, within, startedAt: instruments() === undefined ? undefined : this.#clock.now() }
  }

  /** @param error undefined when the broker confirmed the message */
  end(sending: Sending, error: unknown): void {
    if (error === undefined) this.#stats.published++
    else this.#stats.publishFailed++
    const { topic, span, startedAt } = sending
    if (error !== undefined && span.isRecording()) {
      span.setAttribute('error.type', errorType(error))
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) })
    }
    span.end()
    const found = instruments()
    if (found === undefined) return
    const attributes =
      error === undefined ? this.#attributes(topic) : { ...this.#attributes(topic), 'error.type': errorType(error) }
    found.sent.add(1, attributes)
    if (startedAt !== undefined) found.sendDuration.record((this.#clock.now() - startedAt) / 1000, attributes)
  }

  #attributes(topic: string): Attributes {
    return {
      'messaging.system': this.#system,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
    }
  }
}

export interface Sending {
  readonly topic: string
  readonly span: Span
  /** The context whose trace goes with the message. */
  readonly within: Context
  /** Undefined while nobody measures. */
  readonly startedAt: number | undefined
}
