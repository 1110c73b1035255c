import type { Lifecycle, StopReport } from './lifecycle.ts'
import { arrayOf, callable, checkOptions, nonEmptyText, withDefaults } from './options.ts'

export interface ShutdownSignalOptions {
  /** @default ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly NodeJS.Signals[]
  /** Called with the report and waited for before the process ends. */
  readonly onStopped?: (report: StopReport) => void | Promise<void>
}

export const SHUTDOWN_SIGNAL_DEFAULTS: { readonly signals: readonly NodeJS.Signals[] } = Object.freeze({
  signals: Object.freeze(['SIGTERM', 'SIGINT'] as const),
})

/**
 * Stops the lifecycle on SIGTERM and SIGINT and then ends the process: exit code 0 after a clean stop, 1 when something
 * blocked or `onStopped` failed. A second signal ends it at once, as the platform would. Dispose to take the handlers off again.
 */
export function stopOnSignals(lifecycle: Pick<Lifecycle, 'stop'>, options: ShutdownSignalOptions = {}): Disposable {
  checkOptions<ShutdownSignalOptions>('stopOnSignals', options, { signals: arrayOf(nonEmptyText), onStopped: callable })
  const { signals, onStopped } = withDefaults(SHUTDOWN_SIGNAL_DEFAULTS, options)
  const remove = (): void => {
    for (const signal of signals) process.off(signal, stop)
  }
  const stop = (): void => {
    remove()
    void stopAndReport(lifecycle, onStopped).then((clean) => process.exit(clean ? 0 : 1))
  }
  for (const signal of signals) process.on(signal, stop)
  return { [Symbol.dispose]: remove }
}

async function stopAndReport(
  lifecycle: Pick<Lifecycle, 'stop'>,
  onStopped: ShutdownSignalOptions['onStopped'],
): Promise<boolean> {
  const report = await lifecycle.stop()
  try {
    await onStopped?.(report)
    return report.problems.length === 0
  } catch (thrown) {
    process.emitWarning(`stopOnSignals: onStopped failed: ${String(thrown)}`)
    return false
  }
}
