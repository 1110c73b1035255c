/** A timer that was set. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/** Where time comes from. Everything that waits or measures takes one, so that tests need not sleep. */
export interface Clock {
  /** Monotonic milliseconds: for durations and deadlines, meaningful inside this process only. */
  now(): number
  /** Milliseconds since the epoch: for timestamps that others read. */
  wall(): number
  /** Calls `fire` once after `delayMs`. A timer keeps the process alive, like `setTimeout`. */
  setTimer(delayMs: number, fire: () => void): Timer
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout
  constructor(delayMs: number, fire: () => void) {
    this.#timeout = setTimeout(fire, Math.min(delayMs, LONGEST_TIMEOUT_MS))
  }
  cancel(): void {
    clearTimeout(this.#timeout)
  }
}

/** `setTimeout` fires at once for more than this (2^31 - 1 ms, 24.8 days). */
export const LONGEST_TIMEOUT_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer: (delayMs, fire) => new SystemTimer(delayMs, fire),
}

/**
 * Waits, and stops waiting when the signal aborts. Leaves no timer and no listener behind.
 * @throws the signal's reason
 */
export function sleep(
  ms: number,
  options: { readonly clock?: Clock; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { clock = systemClock, signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    function abort(): void {
      timer.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}
