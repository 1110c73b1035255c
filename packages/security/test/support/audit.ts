import type { Logger } from '@comm/core'
import { createLogger, type LogEntry } from '@comm/logging'

/** A real logger whose lines are kept. */
export function keptLog(): { readonly logger: Logger; readonly text: () => string; readonly entries: () => LogEntry[] } {
  const lines: string[] = []
  const logger = createLogger({ env: {}, level: 'trace', destination: (line) => void lines.push(line) })
  return { logger, text: () => lines.join('\n'), entries: () => lines.map((line) => JSON.parse(line) as LogEntry) }
}

/** What the security log says, without what is the same in every line. */
export function securityLines(entries: readonly LogEntry[]): unknown[] {
  return entries
    .filter(({ logger }) => logger === 'security')
    .map((entry) => (entry as unknown as { security: unknown }).security)
}
