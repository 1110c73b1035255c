import { seededRandom, TestClock } from '@comm/testkit'
import { type Instance, LoadBalancer, type LoadBalancerOptions, type StrategyFactory } from '../../src/balancing/index.ts'

export function instances(count: number, more: (index: number) => Partial<Instance> = () => ({})): Instance[] {
  return Array.from({ length: count }, (_, index) => ({ id: `i${index}`, host: 'localhost', port: 1 + index, ...more(index) }))
}

export interface Rig {
  readonly balancer: LoadBalancer
  readonly clock: TestClock
}

export function rig(strategy: StrategyFactory, options: Partial<LoadBalancerOptions> = {}, seed = 1): Rig {
  const clock = new TestClock()
  return {
    clock,
    balancer: new LoadBalancer({ instances: instances(3), strategy, clock, random: seededRandom(seed), ...options }),
  }
}

/** How often each instance is chosen by calls that are over before the next begins. */
export function tally(
  balancer: LoadBalancer,
  calls: number,
  key: (call: number) => string | undefined = () => undefined,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (let call = 0; call < calls; call++) {
    const candidate = balancer.acquire(key(call))
    counts.set(candidate.instance.id, (counts.get(candidate.instance.id) ?? 0) + 1)
    balancer.release(candidate)
  }
  return counts
}
