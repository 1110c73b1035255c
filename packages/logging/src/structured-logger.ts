import type { LogFields, Logger, LogLevel } from '@comm/core'
import { checkArgument, nonEmptyText } from '@comm/core/options'
import { lossReporter } from './destinations/destination.ts'
import { type Gate, type GateCounts, gateOf } from './gate/gate.ts'
import { type LevelSetting, Levels, parseLevel, rankOf } from './levels.ts'
import { type LogEntry, makeEntry } from './log-entry.ts'
import { openTelemetryBridge } from './open-telemetry.ts'
import { aLevel, type ResolvedLogging } from './options.ts'
import { type PlainData, plainData } from './plain-data.ts'
import { secretKeys } from './secret-keys.ts'
import { activeTraceIds } from './trace-ids.ts'
import { type Sink, winstonSink } from './winston-sink.ts'

/** A core `Logger` that writes structured lines. */
export interface StructuredLogger extends Logger {
  /** Undefined for a root without a name. */
  readonly name: string | undefined
  /** The level that holds for this logger now. */
  readonly level: LevelSetting
  /**
   * Changes the level while running.
   * @param name of which logger, and of those below it (`messaging` and `messaging.kafka`); without it this logger's, or the level
   * of all that have none of their own when this logger has no name
   * @throws ConfigurationError when it is no level
   */
  setLevel(level: LevelSetting | Uppercase<LevelSetting>, name?: string): void
  /** The fields are made plain and redacted here, once: later changes of their objects do not show. */
  child(fields: LogFields): StructuredLogger
}

/** The logger of a process, from which the others are made by `child`. */
export interface RootLogger extends StructuredLogger, AsyncDisposable {
  /** Resolves when every line written so far has left the process, or is lost. Never rejects. */
  flush(): Promise<void>
  /** Flushes and ends the transports. Lines written afterwards are dropped. Idempotent; what was given as `destination` stays open. */
  close(): Promise<void>
  stats(): LoggerStats
}

/** What became of the lines since the logger was made, and what waits. */
export interface LoggerStats extends GateCounts {
  readonly written: number
  /** Dropped because the destination was behind, or broken. */
  readonly dropped: number
  /** Waiting for a destination that is behind. */
  readonly bufferedBytes: number
}

const NO_FIELDS: LogFields = Object.freeze({})
const NOTHING_LEFT_OUT: GateCounts = Object.freeze({ sampledOut: 0, suppressed: 0, excluded: 0 })

/** What all loggers of one root share. */
class Trunk {
  readonly options: ResolvedLogging
  readonly levels: Levels
  readonly plain: PlainData
  readonly #gate: Gate | undefined
  #toOpenTelemetry: ((entry: LogEntry) => void) | undefined
  #reportBridge: ((thrown: unknown) => void) | undefined
  #sink: Sink | undefined
  #closing: Promise<void> | undefined
  #written = 0

  constructor(options: ResolvedLogging) {
    this.options = options
    this.levels = new Levels(options.level, options.levels)
    this.plain = plainData(options, secretKeys(options.redactKeys, options.revealKeys))
    this.#gate = gateOf(options, ({ level, logger, message, lines, perMs }) => {
      const text = `${lines} more in ${perMs} ms: ${message}`
      this.#emit(level, logger, text, NO_FIELDS, { suppressedLines: lines })
    })
  }

  write(level: LogLevel, logger: string | undefined, message: string, own: LogFields, fields: LogFields | undefined): void {
    if (this.#closing !== undefined) return
    if (this.#gate?.admits(level, logger, message, fields) === false) return
    this.#emit(level, logger, message, own, fields)
  }

  #emit(level: LogLevel, logger: string | undefined, message: string, own: LogFields, fields: LogFields | undefined): void {
    const { clock, service, openTelemetry } = this.options
    const { plain } = this
    const now = clock.wall()
    const entry = makeEntry(now, level, plain.text(message), { service, logger }, activeTraceIds(), own, plain.fields(fields))
    if (openTelemetry) this.#bridge(entry)
    this.#sink ??= winstonSink(this.options, (dropped) => this.#lossEntry(dropped))
    this.#sink.write(entry)
    this.#written += 1
  }

  #bridge(entry: LogEntry): void {
    try {
      this.#toOpenTelemetry ??= openTelemetryBridge('@comm/logging')
      this.#toOpenTelemetry(entry)
    } catch (thrown) {
      this.#reportBridge ??= lossReporter('OpenTelemetry')
      this.#reportBridge(thrown)
    }
  }

  #lossEntry(droppedLines: number): LogEntry {
    const { clock, service } = this.options
    const message = `${droppedLines} log lines were dropped: the destination is behind`
    return makeEntry(clock.wall(), 'warn', message, { service, logger: 'logging' }, undefined, { droppedLines })
  }

  stats(): LoggerStats {
    const { droppedLines = 0, bufferedBytes = 0 } = this.#sink?.backlog() ?? {}
    return { ...(this.#gate?.counts ?? NOTHING_LEFT_OUT), written: this.#written, dropped: droppedLines, bufferedBytes }
  }

  async flush(): Promise<void> {
    if (this.#closing === undefined) this.#gate?.flush()
    await (this.#closing ?? this.#sink?.flush())
  }

  close(): Promise<void> {
    if (this.#closing === undefined) this.#gate?.flush()
    this.#closing ??= this.#close(this.#sink)
    return this.#closing
  }

  async #close(sink: Sink | undefined): Promise<void> {
    await sink?.flush()
    await sink?.close()
  }
}

class NamedLogger implements StructuredLogger {
  readonly name: string | undefined
  protected readonly trunk: Trunk
  readonly #fields: LogFields
  #version = -1
  #rank = 0

  constructor(trunk: Trunk, name: string | undefined, fields: LogFields) {
    this.trunk = trunk
    this.name = name
    this.#fields = fields
  }

  trace(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 0) this.trunk.write('trace', this.name, message, this.#fields, fields)
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 1) this.trunk.write('debug', this.name, message, this.#fields, fields)
  }

  info(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 2) this.trunk.write('info', this.name, message, this.#fields, fields)
  }

  warn(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 3) this.trunk.write('warn', this.name, message, this.#fields, fields)
  }

  error(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 4) this.trunk.write('error', this.name, message, this.#fields, fields)
  }

  isEnabled(level: LogLevel): boolean {
    return this.#threshold() <= rankOf(level)
  }

  get level(): LevelSetting {
    return this.trunk.levels.of(this.name)
  }

  setLevel(level: LevelSetting | Uppercase<LevelSetting>, name: string | undefined = this.name): void {
    checkArgument('level', level, aLevel)
    if (name !== undefined) checkArgument('name', name, nonEmptyText)
    this.trunk.levels.set(parseLevel(level) as LevelSetting, name)
  }

  child(fields: LogFields): StructuredLogger {
    const { logger, ...others } = this.trunk.plain.fields(fields)
    return new NamedLogger(this.trunk, typeof logger === 'string' ? logger : this.name, { ...this.#fields, ...others })
  }

  /** Looked up again only after a level has changed, so that a disabled line costs a comparison. */
  #threshold(): number {
    const { levels } = this.trunk
    if (this.#version !== levels.version) {
      this.#version = levels.version
      this.#rank = rankOf(levels.of(this.name))
    }
    return this.#rank
  }
}

class ProcessLogger extends NamedLogger implements RootLogger {
  constructor(options: ResolvedLogging) {
    const trunk = new Trunk(options)
    super(trunk, options.name, trunk.plain.fields(options.fields))
  }

  flush(): Promise<void> {
    return this.trunk.flush()
  }

  close(): Promise<void> {
    return this.trunk.close()
  }

  stats(): LoggerStats {
    return this.trunk.stats()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.trunk.close()
  }
}

export function rootLogger(options: ResolvedLogging): RootLogger {
  return new ProcessLogger(options)
}
