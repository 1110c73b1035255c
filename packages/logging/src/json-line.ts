import type { LogEntry } from './log-entry.ts'

/** One line of JSON (RFC 8259); line breaks inside texts are escaped. */
export function jsonLine(entry: LogEntry): string {
  return JSON.stringify(entry)
}
