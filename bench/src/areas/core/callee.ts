import type { SetupInput } from '@comm/bench/area'

/** What the callee does with the signal that it is given. */
export type SignalUse = 'none' | 'read' | 'listen'

export function signalUse({ parameters }: SetupInput): SignalUse {
  return parameters.signal as SignalUse
}

/** The work inside the policies: next to nothing, so that the policies' own price is what is measured. */
export async function callee(argument: number, use: SignalUse, signal: () => AbortSignal): Promise<number> {
  if (use === 'none') return argument
  if (use === 'read') {
    if (signal().aborted) throw new Error('aborted before it began')
    return argument
  }
  const listened = signal()
  listened.addEventListener('abort', ignore)
  await undefined
  listened.removeEventListener('abort', ignore)
  return argument
}

function ignore(): void {}

/** The limits that all contenders are given. */
export const LIMITS = { maxRetries: 2, timeoutMs: 800, concurrent: 100, window: 100, failureRatio: 0.5 } as const

const SHORT_MS = 50
const ON_TIME_MS = 400

/** A callee that never settles and ignores its signal must time out on time, or the contender skips half of the work. */
export async function verifyTimesOut(build: (timeoutMs: number) => () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now()
  let failed = false
  await build(SHORT_MS)().catch(() => {
    failed = true
  })
  const elapsedMs = performance.now() - startedAt
  if (!failed || elapsedMs < SHORT_MS - 5 || elapsedMs > ON_TIME_MS) {
    throw new Error(`a callee that ignores its signal ended after ${Math.round(elapsedMs)} ms instead of ${SHORT_MS}`)
  }
}

export function never(): Promise<never> {
  return new Promise(() => {})
}
