import { createRequire } from 'node:module'
import { LOG_LEVELS, withinLimit } from '@comm/core'
import type winston from 'winston'
import { type Backlog, lossReporter } from './destinations/destination.ts'
import { destinationOf } from './destinations/destination-of.ts'
import { jsonLine } from './json-line.ts'
import type { LogEntry } from './log-entry.ts'
import type { ResolvedLogging } from './options.ts'
import { prettyLine } from './pretty-line.ts'

export interface Sink {
  write(entry: LogEntry): void
  flush(): Promise<void>
  close(): Promise<void>
  backlog(): Backlog
}

/** Where winston and its transports keep the level and the finished line of an entry (package `triple-beam`). */
const LEVEL: unique symbol = Symbol.for('level')
const MESSAGE: unique symbol = Symbol.for('message')

type Info = LogEntry & { readonly [MESSAGE]: string }

/** `Transport` is exported, but winston's types have it under another name that cannot be constructed. */
type Winston = typeof winston & {
  readonly Transport: new (options: { log(info: Info, next: () => void): void }) => winston.transport
}

/** 0 is the most important for winston. */
const WINSTON_LEVELS = Object.fromEntries(LOG_LEVELS.toReversed().map((level, rank) => [level, rank]))

/** A transport that has stopped taking entries holds at most so many; more are dropped. */
const MOST_IN_TRANSPORT = 10_000

/** Sends entries through winston, which is loaded here: by the first line that is written, not by an import. */
export function winstonSink(options: ResolvedLogging, lossEntry: (droppedLines: number) => LogEntry): Sink {
  const { format, colors, transports, clock, flushMs } = options
  const library = createRequire(import.meta.url)('winston') as Winston
  const render = format === 'json' ? jsonLine : prettyLine(colors)
  const destination = destinationOf(options.destination, options, (dropped) => render(lossEntry(dropped)))
  const toDestination = new library.Transport({
    log(info, next) {
      destination.write(info[MESSAGE], info)
      next()
    },
  })
  const report = lossReporter('a transport of winston')
  // A logger for each: one logger waits for the slowest of its transports, and keeps in memory what the others could have had.
  const loggers = [toDestination, ...transports].map((transport) => {
    const logger = library.createLogger({
      levels: WINSTON_LEVELS,
      level: LOG_LEVELS[0],
      format: { transform: (info) => info },
      transports: [transport],
    })
    return logger.on('error', report)
  })
  let droppedByTransports = 0
  return {
    write(entry) {
      try {
        const info = Object.assign(entry, { [LEVEL]: entry.level, [MESSAGE]: render(entry) })
        for (const logger of loggers) {
          if (logger.writableLength < MOST_IN_TRANSPORT) logger.write(info)
          else {
            droppedByTransports += 1
            report(new Error('it takes no more entries'))
          }
        }
      } catch (thrown) {
        report(thrown)
      }
    },
    async flush() {
      await Promise.all([withinLimit(clock, flushMs, Promise.all(transports.map(emptied))), destination.flush()])
    },
    async close() {
      await withinLimit(clock, flushMs, Promise.all(loggers.map(ended)))
      destination.release()
    },
    backlog() {
      const { bufferedBytes, droppedLines } = destination.backlog()
      return { bufferedBytes, droppedLines: droppedLines + droppedByTransports }
    },
  }
}

function ended(logger: winston.Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.once('finish', resolve)
    logger.end()
  })
}

/** A record of no level is logged by no transport, but is called back after all before it. */
function emptied(transport: winston.transport): Promise<void> {
  return new Promise((resolve) => {
    if (transport.writable) transport.write({ [LEVEL]: 'none' }, () => resolve())
    else resolve()
  })
}
