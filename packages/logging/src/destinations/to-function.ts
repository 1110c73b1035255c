import { type Destination, type LogReceiver, lossReporter } from './destination.ts'

export function toFunction(receive: LogReceiver): Destination {
  const report = lossReporter('the destination function')
  let droppedLines = 0
  const lost = (thrown: unknown): void => {
    droppedLines += 1
    report(thrown)
  }
  return {
    write(line, entry) {
      try {
        const given: unknown = receive(line, entry)
        // Functions that are async pass for ones without a result, and nobody else would see them fail.
        if (given instanceof Promise) given.catch(lost)
      } catch (thrown) {
        lost(thrown)
      }
    },
    flush: () => Promise.resolve(),
    release() {},
    backlog: () => ({ bufferedBytes: 0, droppedLines }),
  }
}
