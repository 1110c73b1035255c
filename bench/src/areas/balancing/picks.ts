import type { Setup } from '@comm/bench/area'
import {
  type Candidate,
  consistentHash,
  LoadBalancer,
  leastConnections,
  leastResponseTime,
  powerOfTwoChoices,
  randomChoice,
  roundRobin,
  weightedRandom,
  weightedRoundRobin,
} from '@comm/core/balancing'
import { seededRandom } from '@comm/testkit'

export const STRATEGIES = {
  roundRobin,
  weightedRoundRobin,
  randomChoice,
  weightedRandom,
  leastConnections,
  leastResponseTime,
  powerOfTwoChoices,
  consistentHash,
} as const
export type StrategyName = keyof typeof STRATEGIES

/** Picks in one operation, so that the harness's own cost vanishes among them. */
export const PICKS = 1000
/** Calls under way while others are picked. */
const IN_FLIGHT = 64
const KEYS = Array.from({ length: 1024 }, (_, key) => `customer-${key}`)

/** `pick`: a strategy alone, with calls under way. `call`: what balancing costs a call in all, its pick, what its outcome teaches, its end. */
export const setup: Setup = ({ parameters }) => {
  const { strategy, count, what } = parameters as { strategy: StrategyName; count: number; what: 'pick' | 'call' }
  const balancing = balancingOf(strategy, count)
  const once = what === 'pick' ? balancing.pick : balancing.call
  return {
    async op() {
      for (let times = PICKS; times > 0; times--) once()
    },
    async verify() {
      const seen = new Set<string>()
      for (let times = 200 * count; times > 0; times--) seen.add(balancing.call())
      if (seen.size < count / 4) throw new Error(`${strategy} chose only ${seen.size} of ${count} instances`)
    },
  }
}

function balancingOf(strategy: StrategyName, count: number): { pick(): void; call(): string } {
  const random = seededRandom(1)
  const instances = Array.from({ length: count }, (_, at) => ({
    id: `i${at}`,
    host: 'localhost',
    port: 1 + at,
    weight: 1 + (at % 3),
  }))
  let now = 0
  const clock = { now: () => now, wall: () => now, setTimer: noTimer }
  const balancer = new LoadBalancer({ instances, strategy: STRATEGIES[strategy](), clock, random })
  const running: Candidate[] = Array.from({ length: IN_FLIGHT }, (_, at) => balancer.acquire(KEYS[at]))
  const inTurn = new LoadBalancer({ instances, strategy: roundRobin(), clock, random })
  const alone = STRATEGIES[strategy]().create(random)
  alone.reset(
    instances.map(() => inTurn.acquire()),
    now,
  )
  let at = 0
  let picked: Candidate | undefined
  return {
    pick() {
      picked = alone.pick(KEYS[at++ % KEYS.length], now)
      if (picked === undefined) throw new Error('nobody was picked')
    },
    call() {
      const slot = at++ % IN_FLIGHT
      const over = running[slot] as Candidate
      balancer.report(over, 'success', 5 + (at % 7))
      balancer.release(over)
      const next = balancer.acquire(KEYS[at % KEYS.length])
      running[slot] = next
      now += 0.1
      return next.instance.id
    },
  }
}

function noTimer(): never {
  throw new Error('balancers set no timers')
}
