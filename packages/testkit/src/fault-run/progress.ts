import { sleep } from '@comm/core'

const LOOK_EVERY_MS = 20

/**
 * Waits until `done` is true, for as long as `count` goes on changing.
 * @returns false when it stood still for `stalledMs`
 */
export async function whileItMoves(count: () => number, done: () => boolean, stalledMs: number): Promise<boolean> {
  let movedAt = performance.now()
  let seen = count()
  while (!done()) {
    await sleep(LOOK_EVERY_MS)
    const now = count()
    if (now !== seen) movedAt = performance.now()
    seen = now
    if (performance.now() - movedAt > stalledMs) return false
  }
  return true
}
