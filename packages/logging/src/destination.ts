import { writeSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { CommunicationError } from '@comm/core'
import type { LogEntry } from './log-entry.ts'

/** Takes one line, without its line break, and the entry it was made of. It should not throw and is not waited for. */
export type LogReceiver = (line: string, entry: LogEntry) => void

/** Takes finished lines. Never throws. */
export interface Destination {
  write(line: string, entry: LogEntry): void
  /** Resolves when everything written has been handed to the operating system, or is lost. */
  flush(): Promise<void>
  /** Takes its listeners off; what was given to us is left open. */
  release(): void
}

export function destinationOf(given: Writable | LogReceiver | undefined): Destination {
  if (given === undefined) return standardOutput()
  return typeof given === 'function' ? toFunction(given) : toStream(given)
}

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

/** The file descriptor itself: touching `process.stdout` would make a pipe non-blocking. */
export const STANDARD_OUTPUT = 1
const PIPE_FULL_PAUSE_MS = 5

/**
 * Written with a system call per line: `process.stdout` keeps in memory what a full pipe does not take at once, and loses it when
 * the process exits. A reader that is slower than the log therefore slows the process down.
 */
function standardOutput(): Destination {
  const report = lossReporter('standard output')
  let broken = false
  return {
    write(line) {
      if (broken) return
      try {
        writeFully(STANDARD_OUTPUT, Buffer.from(`${line}\n`))
      } catch (thrown) {
        broken = true
        report(thrown)
      }
    },
    flush: () => Promise.resolve(),
    release() {},
  }
}

function writeFully(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown
      pause(PIPE_FULL_PAUSE_MS)
    }
  }
}

/** Node has made the pipe non-blocking and its reader is behind; there is no event to wait for in a synchronous call. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function toFunction(receive: LogReceiver): Destination {
  const report = lossReporter('the destination function')
  return {
    write(line, entry) {
      try {
        receive(line, entry)
      } catch (thrown) {
        report(thrown)
      }
    },
    flush: () => Promise.resolve(),
    release() {},
  }
}

function toStream(stream: Writable): Destination {
  const report = lossReporter('the destination stream')
  stream.on('error', report)
  return {
    write(line) {
      if (stream.writable) stream.write(`${line}\n`)
      else report(stream.errored ?? new Error('it has been closed'))
    },
    flush: () =>
      new Promise((resolve) => {
        if (stream.writable) stream.write('', () => resolve())
        else resolve()
      }),
    release: () => {
      stream.off('error', report)
    },
  }
}
