import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { unblockedDescriptor } from './descriptor.ts'

/** A last chance, synchronous: nothing asynchronous runs any more. */
export interface LastFlush {
  flush(): void
  /** Also before a signal ends the process. It never changes what a signal does. */
  readonly onSignals: boolean
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

const flushes = new Set<LastFlush>()
let signalsWatched = false

/** Registers for the end of the process: its exit, an uncaught exception, a signal. @returns takes it off again */
export function atProcessEnd(last: LastFlush): () => void {
  if (flushes.size === 0) process.on('exit', flushAll)
  flushes.add(last)
  if (last.onSignals) watchSignals()
  return () => {
    flushes.delete(last)
    if (flushes.size === 0) process.off('exit', flushAll)
  }
}

function flushAll(): void {
  for (const last of [...flushes]) last.flush()
}

/**
 * From the first time that somebody has something to lose, and for good: a signal that had been caught while a listener is taken off would
 * be lost, and the process would never end.
 */
function watchSignals(): void {
  if (signalsWatched || !isMainThread) return
  signalsWatched = true
  // First in line, to see whether the application listens too: its own listener may take itself off.
  const listener = Object.assign(endBySignal, { [OURS]: true })
  for (const signal of SIGNALS) process.prependListener(signal, listener)
}

/** Tells our listeners from the application's, also when this package is installed twice. */
const OURS: unique symbol = Symbol.for('@comm/logging/end-by-signal@1')

/** With listeners of the application, the application decides what happens; the exit that follows flushes. */
function endBySignal(signal: NodeJS.Signals): void {
  if (process.listeners(signal).some((listener) => !(OURS in listener))) return
  flushAll()
  for (const each of SIGNALS) process.off(each, endBySignal)
  process.kill(process.pid, signal)
}

/** Where a warning of the process would come too late. Never waits for a reader. */
export function sayOnStandardError(text: string): void {
  try {
    writeSync(unblockedDescriptor(2), `(COMM_LOG_LOST) ${text}\n`)
  } catch {
    // Nobody reads it.
  }
}
