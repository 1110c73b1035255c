import type { Area, Limit, Work } from '@comm/bench/area'
import { PICKS, STRATEGIES, type StrategyName } from './picks.ts'

const MODULE = import.meta.resolve('./picks.ts')
const HUNDRED = '@comm/core, 100 instances'
const THOUSAND = '@comm/core, 1000 instances'
/** Of one pick among a hundred instances. */
const MOST_NS = 100
/** What "flat" leaves to caches that a thousand instances do not fit into. */
const FLAT = 1.6

const FAST_AND_FLAT: readonly Limit[] = [
  { contender: HUNDRED, atMostCpuUs: (MOST_NS * PICKS) / 1000 },
  { contender: THOUSAND, atMost: FLAT, timesOf: HUNDRED },
]

function work(strategy: StrategyName, what: 'pick' | 'call', limits: readonly Limit[]): Work {
  return {
    name: `${what} ${strategy}`,
    baseline: HUNDRED,
    contenders: [
      { name: HUNDRED, module: MODULE, parameters: { strategy, count: 100, what } },
      { name: THOUSAND, module: MODULE, parameters: { strategy, count: 1000, what } },
    ],
    limits,
  }
}

/** One operation is a thousand picks, or calls. */
export const area: Area = {
  name: 'balancing',
  packages: ['core'],
  works: (Object.keys(STRATEGIES) as StrategyName[]).flatMap((strategy) => [
    work(strategy, 'pick', FAST_AND_FLAT),
    work(strategy, 'call', []),
  ]),
}
