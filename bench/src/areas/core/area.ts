import type { Area, Contender, Limit, Work } from '@comm/bench/area'
import type { SignalUse } from './callee.ts'
import { KINDS, type Watched } from './stages.ts'

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

const STAGES = import.meta.resolve('./stages.ts')
const COUNTS = [1, 4, 8, 12] as const

function stagesOf(count: number, watched: Watched = 'by nobody'): Contender {
  const name = `${OURS}, ${count} ${count === 1 ? 'stage' : 'stages'}${watched === 'by nobody' ? '' : `, ${watched}`}`
  return { name, module: STAGES, parameters: { count, watched } }
}

const ROW = COUNTS.map((count) => [stagesOf(count).name, count] as const)
const MEASURED = stagesOf(12, 'measured')
const LISTENED = stagesOf(12, 'listened to')
const TWELVE = stagesOf(12).name

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
    {
      name: 'one to twelve stages',
      baseline: 'bare',
      contenders: [
        { name: 'bare', module: MODULES.bare, parameters: { signal: 'none' } },
        ...COUNTS.map((count) => stagesOf(count)),
        LISTENED,
        MEASURED,
      ],
      limits: [
        { steps: ROW, atMost: 2.2 },
        { contender: LISTENED.name, atMost: 1.25, timesOf: TWELVE },
        { contender: MEASURED.name, atMost: 1.25, timesOf: TWELVE },
      ],
    },
    {
      name: 'stages of other kinds',
      baseline: 'bare',
      contenders: [
        { name: 'bare', module: MODULES.bare, parameters: { signal: 'none' } },
        ...KINDS.map((kind) => ({ name: `${OURS}, ${kind}`, module: STAGES, parameters: { kind } })),
      ],
    },
  ],
}
