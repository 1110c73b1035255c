export type Resources = ReadonlyMap<string, number>

/** Short-lived by nature, or the runner's. */
const IGNORED: ReadonlySet<string> = new Set(['Immediate', 'CloseReq', 'FSReqCallback', 'FSReqPromise'])

function count(): Resources {
  const counts = new Map<string, number>()
  const add = (name: string, number = 1): void => void counts.set(name, (counts.get(name) ?? 0) + number)
  for (const name of process.getActiveResourcesInfo()) if (!IGNORED.has(name)) add(name)
  for (const event of process.eventNames()) add(`listener of process for ${String(event)}`, process.listenerCount(event))
  return counts
}

/** More of them now than there were before: `2 Timeout`. */
function leftSince(before: Resources): readonly string[] {
  return [...count()]
    .map(([name, now]) => ({ name, more: now - (before.get(name) ?? 0) }))
    .filter(({ more }) => more > 0)
    .map(({ name, more }) => `${more} ${name}`)
}

/** Counts what keeps this process alive, and the listeners of `process`. */
export const resources: { (): Resources; leftSince(before: Resources): readonly string[] } = Object.assign(count, { leftSince })
