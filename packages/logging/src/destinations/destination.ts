import { CommunicationError } from '@comm/core'
import type { LogEntry } from '../log-entry.ts'

/** Takes one line, without its line break, and the entry it was made of. It should not throw and is not waited for. */
export type LogReceiver = (line: string, entry: LogEntry) => void

/** Takes finished lines, in bounded memory. Never throws and never waits, except for `flush`. */
export interface Destination {
  write(line: string, entry: LogEntry): void
  /** Resolves when everything written has been handed to the operating system, or is lost, or `flushMs` are over. */
  flush(): Promise<void>
  /** Takes its listeners off and closes what it has opened; what was given to us is left open. */
  release(): void
  /** What has not left this process, and how many lines were given up because of that. */
  backlog(): Backlog
}

export interface Backlog {
  readonly bufferedBytes: number
  readonly droppedLines: number
}

/** The line that says how many others are missing before it. */
export type LossLine = (droppedLines: number) => string

/** Says once, to the process, that lines are lost: the log itself cannot. */
export function lossReporter(where: string): (thrown: unknown) => void {
  let reported = false
  return (thrown) => {
    if (reported) return
    reported = true
    process.emitWarning(`log lines are lost, ${where} failed: ${CommunicationError.from(thrown).message}`, {
      code: 'COMM_LOG_LOST',
    })
  }
}
