import type { LogFields, Logger, LogLevel } from '@comm/core'
import { checkArgument, nonEmptyText } from '@comm/core/options'
import { type LevelSetting, Levels, parseLevel, rankOf } from './levels.ts'
import { makeEntry } from './log-entry.ts'
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
}

/** What all loggers of one root share. */
class Trunk {
  readonly options: ResolvedLogging
  readonly levels: Levels
  readonly plain: PlainData
  #sink: Sink | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedLogging) {
    this.options = options
    this.levels = new Levels(options.level, options.levels)
    this.plain = plainData(options, secretKeys(options.redactKeys, options.revealKeys))
  }

  /** Undefined once closed. */
  get sink(): Sink | undefined {
    if (this.#closing !== undefined) return undefined
    this.#sink ??= winstonSink(this.options)
    return this.#sink
  }

  async flush(): Promise<void> {
    await (this.#closing ?? this.#sink?.flush())
  }

  close(): Promise<void> {
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
    if (this.#threshold() <= 0) this.#write('trace', message, fields)
  }

  debug(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 1) this.#write('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 2) this.#write('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 3) this.#write('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    if (this.#threshold() <= 4) this.#write('error', message, fields)
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

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { plain, options, sink } = this.trunk
    if (sink === undefined) return
    const origin = { service: options.service, logger: this.name }
    const now = options.clock.wall()
    sink.write(makeEntry(now, level, plain.text(message), origin, activeTraceIds(), this.#fields, plain.fields(fields)))
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.trunk.close()
  }
}

export function rootLogger(options: ResolvedLogging): RootLogger {
  return new ProcessLogger(options)
}
