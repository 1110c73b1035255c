/** A timer that was set. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
  /** From here on the process may end before it fires, where the clock can do that. */
  unref?(): void
  /** Takes `unref` back. */
  ref?(): void
}

/** Where time comes from. Everything that waits or measures takes one, so that tests need not sleep. */
export interface Clock {
  /** Monotonic milliseconds: for durations and deadlines, meaningful inside this process only. */
  now(): number
  /** Milliseconds since the epoch: for timestamps that others read. */
  wall(): number
  /** Calls `fire` once after `delayMs`; NaN and less than 0 count as 0. A timer keeps the process alive, like `setTimeout`. */
  setTimer(delayMs: number, fire: () => void): Timer
}

/** `setTimeout` fires at once for more than this (2^31 - 1 ms, 24.8 days). */
export const LONGEST_TIMEOUT_MS = 2_147_483_647

class SystemTimer implements Timer {
  #timeout: NodeJS.Timeout

  constructor(delayMs: number, fire: () => void) {
    this.#timeout = this.#set(delayMs > 0 ? delayMs : 0, fire)
  }

  cancel(): void {
    clearTimeout(this.#timeout)
  }

  unref(): void {
    this.#timeout.unref()
  }

  ref(): void {
    this.#timeout.ref()
  }

  /** A delay that `setTimeout` cannot hold is waited for in pieces; an infinite one never fires. */
  #set(delayMs: number, fire: () => void): NodeJS.Timeout {
    if (delayMs <= LONGEST_TIMEOUT_MS) return setTimeout(fire, delayMs)
    return setTimeout(() => {
      this.#timeout = this.#set(delayMs - LONGEST_TIMEOUT_MS, fire)
    }, LONGEST_TIMEOUT_MS)
  }
}

export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer: (delayMs: number, fire: () => void) => new SystemTimer(delayMs, fire),
})

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
