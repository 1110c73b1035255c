import type { Writable } from 'node:stream'
import type { Destination, LogReceiver, LossLine } from './destination.ts'
import { fileOutlet, standardOutput } from './outlet.ts'
import { toFunction } from './to-function.ts'
import { type OutletOptions, ToOutlet } from './to-outlet.ts'
import { toStream } from './to-stream.ts'

/** Lines are appended to the file with this path; it and its folder are made when they are not there. */
export interface LogFile {
  readonly file: string
}

export type LogDestination = Writable | LogReceiver | LogFile

/** @param given undefined: standard output */
export function destinationOf(given: LogDestination | undefined, options: OutletOptions, lossLine: LossLine): Destination {
  if (given === undefined) return new ToOutlet(standardOutput(), options, lossLine)
  if (typeof given === 'function') return toFunction(given)
  if (isLogFile(given)) return new ToOutlet(fileOutlet(given.file, options.clock), options, lossLine)
  return toStream(given, options, lossLine)
}

export function isLogFile(given: LogDestination): given is LogFile {
  return 'file' in given && typeof given.file === 'string'
}
