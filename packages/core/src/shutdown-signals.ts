import type { Lifecycle, StopReport } from './lifecycle.ts'

export interface ShutdownSignalOptions {
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /** Called with the report before the process ends. */
  readonly onStopped?: (report: StopReport) => void
}

/**
 * Stops the lifecycle on SIGTERM and SIGINT and then ends the process: exit code 0 after a clean stop, 1 when something
 * blocked. A second signal ends it at once, as the platform would. Dispose to take the handlers off again.
 */
export function stopOnSignals(lifecycle: Lifecycle, options: ShutdownSignalOptions = {}): Disposable {
  const { signals = ['SIGTERM', 'SIGINT'], onStopped } = options
  const remove = (): void => {
    for (const signal of signals) process.off(signal, stop)
  }
  const stop = (): void => {
    remove()
    void lifecycle.stop().then((report) => {
      onStopped?.(report)
      process.exit(report.problems.length === 0 ? 0 : 1)
    })
  }
  for (const signal of signals) process.on(signal, stop)
  return { [Symbol.dispose]: remove }
}
