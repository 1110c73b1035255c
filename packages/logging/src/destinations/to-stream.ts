import type { Writable } from 'node:stream'
import { type Clock, withinLimit } from '@comm/core'
import { atProcessEnd, sayOnStandardError } from './at-process-end.ts'
import { type Destination, type LossLine, lossReporter } from './destination.ts'

/**
 * A stream keeps in memory what it has not passed on; what would be more than `maxBufferedBytes` is dropped, counted, and said in a line
 * once there is room again. What a stream holds when the process ends is lost: only the stream could write it, and it does so later.
 */
export function toStream(
  stream: Writable,
  { clock, maxBufferedBytes, flushMs }: { readonly clock: Clock; readonly maxBufferedBytes: number; readonly flushMs: number },
  lossLine: LossLine,
): Destination {
  const report = lossReporter('the destination stream')
  let dropped = 0
  let unsaid = 0
  const buffered = (): number => stream.writableLength ?? 0
  const sayLoss = (): void => {
    if (unsaid === 0 || !stream.writable) return
    const line = lossLine(unsaid)
    unsaid = 0
    stream.write(`${line}\n`)
  }
  const stopWatching = atProcessEnd({
    onSignals: false,
    flush() {
      if (stream.writable && buffered() > 0) {
        sayOnStandardError(`${buffered()} bytes of log lines were still in the destination stream when the process ended`)
      }
    },
  })
  stream.on('error', report)
  stream.on('drain', sayLoss)
  return {
    write(line) {
      if (!stream.writable) {
        dropped += 1
        return report(stream.errored ?? new Error('it has been closed'))
      }
      if (buffered() + line.length > maxBufferedBytes) {
        dropped += 1
        unsaid += 1
        return
      }
      if (unsaid > 0) sayLoss()
      stream.write(`${line}\n`)
    },
    async flush() {
      if (!stream.writable) return
      await withinLimit(clock, flushMs, new Promise<void>((resolve) => stream.write('', () => resolve())))
    },
    release() {
      stopWatching()
      stream.off('error', report)
      stream.off('drain', sayLoss)
    },
    backlog: () => ({ bufferedBytes: buffered(), droppedLines: dropped }),
  }
}
