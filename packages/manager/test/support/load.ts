/** What became of calls that were made while something stopped. */
export interface Load {
  /** Numbers of the calls that were answered. */
  readonly answered: ReadonlySet<number>
  /** Resolves when so many calls have been answered; rejects with what the first failed of, when every loop has ended before. */
  until(count: number): Promise<void>
  /** No more calls; resolves when the last one has ended. */
  end(): Promise<void>
}

/** Makes calls in several loops, each with a number of its own; a loop ends with the first call that fails, as it does when nobody answers any more. */
export function load(lanes: number, call: (number: number) => Promise<unknown>): Load {
  const answered = new Set<number>()
  const waiting = new Set<{ readonly count: number; readonly resolve: () => void; readonly reject: (reason: unknown) => void }>()
  let failure: unknown
  let isOver = false
  let calls = 0
  const lane = async (): Promise<void> => {
    while (!isOver) {
      const number = calls++
      try {
        await call(number)
      } catch (error) {
        failure ??= error
        return
      }
      answered.add(number)
      for (const each of waiting) if (answered.size >= each.count) each.resolve()
    }
  }
  const running = Promise.all(Array.from({ length: lanes }, lane)).then(() => {
    for (const each of waiting) each.reject(failure)
  })
  return {
    answered,
    until: (count) => new Promise<void>((resolve, reject) => void waiting.add({ count, resolve, reject })),
    async end() {
      isOver = true
      await running
    },
  }
}

/** Those of `accepted` that were not answered. */
export function lost(accepted: Iterable<number>, answered: ReadonlySet<number>): readonly number[] {
  return [...accepted].filter((number) => !answered.has(number))
}
