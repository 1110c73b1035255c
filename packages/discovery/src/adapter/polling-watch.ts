import { type Clock, pause } from '@comm/core'
import type { ServiceInstance, Watch } from '../registry.ts'

/** What one look showed. */
export interface Look {
  /** Undefined: as the last one. */
  readonly instances: readonly ServiceInstance[] | undefined
  /** Until the next look, in milliseconds. */
  readonly againInMs: number
}

/**
 * A watch for what can only be asked.
 * @param look asks once. `isFirst`: the first of a run, which must bring a list
 */
export function pollingWatch(clock: Clock, look: (isFirst: boolean, signal: AbortSignal) => Promise<Look>): Watch {
  return {
    async run(onList, signal): Promise<never> {
      for (let isFirst = true; ; isFirst = false) {
        signal.throwIfAborted()
        const { instances, againInMs } = await look(isFirst, signal)
        signal.throwIfAborted()
        if (instances !== undefined) onList(instances)
        await pause(clock, againInMs, signal)
      }
    },
  }
}
