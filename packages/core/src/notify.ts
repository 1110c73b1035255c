/**
 * Tells a listener of something. Whoever only listens must not change what happens: an error it throws becomes a process warning.
 * @param name of the option, for the warning
 */
export function notify<Event>(name: string, listener: ((event: Event) => unknown) | undefined, event: Event): void {
  if (listener === undefined) return
  try {
    listener(event)
  } catch (thrown) {
    process.emitWarning(`${name} threw: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`)
  }
}
