import type { Logger } from '@comm/core'
import { createLogger, type LogEntry } from '@comm/logging'

interface SecurityEvent {
  readonly subject: string
  readonly reason: string
}

/** The log lines of all services, kept instead of printed, so that the demo can tell what they say. */
export class Journal {
  readonly #entries: LogEntry[] = []

  logger(service: string): Logger {
    return createLogger({
      service,
      level: 'info',
      format: 'json',
      destination: (_line, entry) => {
        this.#entries.push(entry)
      },
    })
  }

  of(correlationId: string): readonly LogEntry[] {
    return this.#entries.filter((entry) => entry.correlationId === correlationId)
  }

  /** What the applications themselves said under this correlation id; the packages' own loggers have a name. */
  story(correlationId: string): readonly LogEntry[] {
    return this.of(correlationId).filter(({ logger }) => logger === undefined)
  }

  /** Whom a service did not let in, and why: its security events. */
  refusals(service: string): readonly string[] {
    const events = this.#entries.filter((entry) => entry.service === service && entry.message === 'authorization denied')
    return events.map(({ security }) => security as SecurityEvent).map(({ subject, reason }) => `${subject} ${reason}`)
  }

  /** The states that circuit breakers went into, in order. */
  breakerStates(): readonly string[] {
    return this.#entries.filter(({ message }) => message.includes('circuit breaker')).map(({ to }) => String(to))
  }
}
