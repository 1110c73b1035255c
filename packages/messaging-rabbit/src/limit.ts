import type { Clock, Timer } from '@comm/core'

/** A server that is stopped answers nothing: what is asked of it must end all the same. @returns undefined when it took too long */
export async function withinLimit<Result>(clock: Clock, limitMs: number, promise: Promise<Result>): Promise<Result | undefined> {
  let timer: Timer | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = clock.setTimer(limitMs, () => resolve(undefined))
  })
  try {
    return await Promise.race([promise, limit])
  } finally {
    timer?.cancel()
  }
}
