import { sleep } from '@comm/core'

/** While waiting for something of a run. */
export const LOOK_EVERY_MS = 10

/**
 * Nothing moves for so long, though no fault is on: nothing ever will. RabbitMQ waits 180 seconds before it hands on again what left a delay while
 * the queue that it leads to was not back yet; a watchdog that brings back a silent consumer takes 80 at most.
 */
export const STALLED_MS = 200_000

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
