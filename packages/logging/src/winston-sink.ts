import { createRequire } from 'node:module'
import { LOG_LEVELS } from '@comm/core'
import type winston from 'winston'
import { destinationOf, lossReporter } from './destination.ts'
import { jsonLine } from './json-line.ts'
import type { LogEntry } from './log-entry.ts'
import type { ResolvedLogging } from './options.ts'
import { prettyLine } from './pretty-line.ts'

export interface Sink {
  write(entry: LogEntry): void
  flush(): Promise<void>
  close(): Promise<void>
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

/** Sends entries through winston, which is loaded here: by the first line that is written, not by an import. */
export function winstonSink({ format, colors, destination: given, transports }: ResolvedLogging): Sink {
  const library = createRequire(import.meta.url)('winston') as Winston
  const destination = destinationOf(given)
  const render = format === 'json' ? jsonLine : prettyLine(colors)
  const toDestination = new library.Transport({
    log(info, next) {
      destination.write(info[MESSAGE], info)
      next()
    },
  })
  const logger = library.createLogger({
    levels: WINSTON_LEVELS,
    level: LOG_LEVELS[0],
    format: { transform: (info) => info },
    transports: [toDestination, ...transports],
  })
  const report = lossReporter('a transport of winston')
  logger.on('error', report)
  return {
    write(entry) {
      try {
        logger.write(Object.assign(entry, { [LEVEL]: entry.level, [MESSAGE]: render(entry) }))
      } catch (thrown) {
        report(thrown)
      }
    },
    async flush() {
      await Promise.all([toDestination, ...transports].map(emptied))
      await destination.flush()
    },
    async close() {
      await new Promise<void>((resolve) => {
        logger.once('finish', resolve)
        logger.end()
      })
      destination.release()
    },
  }
}

/** A record of no level is logged by no transport, but is called back after all before it. */
function emptied(transport: winston.transport): Promise<void> {
  return new Promise((resolve) => {
    if (transport.writable) transport.write({ [LEVEL]: 'none' }, () => resolve())
    else resolve()
  })
}
