import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import type { Setup } from '@comm/bench/area'
import winston from 'winston'
import { fieldsOf, linesBench, type SinkName } from './lines.ts'

/** As its README shows it: a time, JSON, no correlation id and no redaction. */
export const setup: Setup = ({ parameters }) => {
  const { level, sink } = parameters as { level: string; sink: SinkName }
  return linesBench(level === 'info', sink, ({ stream, file }) => {
    const target: Writable = sink === 'file' ? createWriteStream(file) : stream
    const logger = winston.createLogger({
      level,
      format: winston.format.combine(winston.format.timestamp(), winston.format.json()),
      defaultMeta: { service: 'orders' },
      transports: [new winston.transports.Stream({ stream: target })],
    })
    return {
      log: (line) => void logger.info('order placed', fieldsOf(line)),
      flush: () => new Promise((resolve) => target.write('', () => resolve())),
      close: async () => void logger.close(),
    }
  })
}
