/** A context of cases. */
interface Waits {
  waitFor<Fact>(what: string, fact: () => Fact | Promise<Fact>): Promise<Fact>
}

/** Short-lived by nature. */
const IGNORED: ReadonlySet<string> = new Set(['Immediate', 'CloseReq', 'FSReqCallback', 'FSReqPromise'])
const ROUNDS = 8
/** The runner's own timers come and go meanwhile, in either direction: what is left in nearly every round is a leak. */
const LEAK = 6

/**
 * Plays several rounds and insists that they leave nothing behind: no timer, no socket, no listener of `process`.
 * What a client library opens once for the whole process is no leak: an unwatched round comes first.
 */
export async function leavesNothing(context: Waits, round: () => Promise<void>): Promise<void> {
  await round()
  const before = count()
  for (let played = 0; played < ROUNDS; played++) await round()
  await context.waitFor('nothing to be left behind', () => {
    const left = [...count()].filter(([name, now]) => now - (before.get(name) ?? 0) >= LEAK)
    if (left.length === 0) return true
    const names = left.map(([name, now]) => `${now - (before.get(name) ?? 0)} ${name}`)
    throw new Error(`after ${ROUNDS} rounds there are ${names.join(', ')} more`)
  })
}

/** What keeps this process alive, and the listeners of `process`, by name. */
function count(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  const add = (name: string, number = 1): void => void counts.set(name, (counts.get(name) ?? 0) + number)
  for (const name of process.getActiveResourcesInfo()) if (!IGNORED.has(name)) add(name)
  for (const event of process.eventNames()) add(`listener of process for ${String(event)}`, process.listenerCount(event))
  return counts
}
