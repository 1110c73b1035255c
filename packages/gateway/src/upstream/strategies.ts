import {
  consistentHash,
  leastConnections,
  leastResponseTime,
  powerOfTwoChoices,
  randomChoice,
  roundRobin,
  type StrategyFactory,
  weightedRandom,
  weightedRoundRobin,
} from '@comm/core/balancing'
import type { BalancingName } from '../config/service-config.ts'

export const STRATEGIES: Readonly<Record<BalancingName, () => StrategyFactory>> = {
  roundRobin,
  weightedRoundRobin,
  random: randomChoice,
  weightedRandom,
  leastConnections,
  leastResponseTime,
  powerOfTwoChoices,
  consistentHash,
}
