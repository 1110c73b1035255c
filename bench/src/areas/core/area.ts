import type { Area, Limit, Work } from '@comm/bench/area'
import type { SignalUse } from './callee.ts'

const OURS = '@comm/core'
const MODULES = {
  bare: import.meta.resolve('./bare.ts'),
  [OURS]: import.meta.resolve('./comm-core.ts'),
  opossum: import.meta.resolve('./opossum.ts'),
  cockatiel: import.meta.resolve('./cockatiel.ts'),
} as const

function work(name: string, signal: SignalUse, more: Partial<Work> = {}): Work {
  const contenders = Object.entries(MODULES).map(([contender, module]) => ({ name: contender, module, parameters: { signal } }))
  return { name, baseline: 'bare', contenders, ...more }
}

const AHEAD_OF_PEERS: readonly Limit[] = [
  { contender: OURS, atMost: 1 / 14, timesOf: 'cockatiel' },
  { contender: OURS, atMost: 1 / 1.4, timesOf: 'opossum' },
]

/** Retry, breaker, timeout and bulkhead around an async function that is already resolved. */
export const area: Area = {
  name: 'core',
  packages: ['core'],
  works: [
    work('four stages', 'none', {
      bytes: true,
      limits: [{ contender: OURS, atMost: 5, timesOf: 'bare' }, { contender: OURS, atMostBytes: 1900 }, ...AHEAD_OF_PEERS],
    }),
    work('four stages, signal read', 'read', {
      bytes: true,
      limits: [
        { contender: OURS, atMost: 6, timesOf: 'bare' },
        { contender: OURS, atMostBytes: 2400 },
      ],
    }),
    work('four stages, signal listened to', 'listen', { bytes: true }),
    work('four stages, 50 in flight', 'none', { inFlight: 50, limits: AHEAD_OF_PEERS }),
    work('four stages, signal read, 50 in flight', 'read', { inFlight: 50 }),
  ],
}
