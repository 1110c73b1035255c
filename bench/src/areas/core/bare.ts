import type { Setup } from '@comm/bench/area'
import { callee, signalUse } from './callee.ts'

/** No policy at all: an async function around the callee, with one signal for all calls. */
export const setup: Setup = (input) => {
  const use = signalUse(input)
  const { signal } = new AbortController()
  const read = (): AbortSignal => signal
  const wrapped = async (argument: number): Promise<number> => {
    return await callee(argument, use, read)
  }
  return { op: () => wrapped(1) }
}
