import type { Setup } from '@comm/bench/area'
import { runInContext } from '@comm/core'
import { createLogger } from '@comm/logging'
import { fieldsOf, linesBench, type SinkName } from './lines.ts'

export const setup: Setup = ({ parameters }) => {
  const { level, sink } = parameters as { level: 'info' | 'error'; sink: SinkName }
  return linesBench(level === 'info', sink, ({ stream, file }) => {
    const logger = createLogger({ env: {}, level, service: 'orders', destination: sink === 'file' ? { file } : stream })
    const call = { correlationId: '4bf92f35-77b3-4da6-a3ce-929d0e0e4736' }
    const log = (line: number): void => logger.info('order placed', fieldsOf(line))
    return {
      // A disabled line does not look at its context: entering one would be all that is measured.
      log: level === 'info' ? (line) => runInContext(call, () => log(line)) : log,
      flush: () => logger.flush(),
      close: () => logger.close(),
    }
  })
}
