export type { Candidate } from './candidate.ts'
export { HEALTH_CHECK_DEFAULTS, type HealthCheckOptions } from './health-checks.ts'
export type { EndpointSource, Instance } from './instance.ts'
export { type InstanceState, LoadBalancer } from './load-balancer.ts'
export { type InstanceEvent, LOAD_BALANCER_DEFAULTS, type LoadBalancerOptions } from './load-balancer-options.ts'
export { OUTLIER_DETECTION_DEFAULTS, type OutlierDetectionOptions } from './outlier-detection.ts'
export { type PickOptions, pick } from './pick.ts'
export { type StaticEndpoints, staticEndpoints } from './static-endpoints.ts'
export { CONSISTENT_HASH_DEFAULTS, type ConsistentHashOptions, consistentHash } from './strategies/consistent-hash.ts'
export { leastConnections } from './strategies/least-connections.ts'
export {
  LEAST_RESPONSE_TIME_DEFAULTS,
  type LeastResponseTimeOptions,
  leastResponseTime,
} from './strategies/least-response-time.ts'
export { powerOfTwoChoices } from './strategies/power-of-two-choices.ts'
export { randomChoice } from './strategies/random.ts'
export { roundRobin } from './strategies/round-robin.ts'
export { weightedRandom } from './strategies/weighted-random.ts'
export { weightedRoundRobin } from './strategies/weighted-round-robin.ts'
export type { BalancingStrategy, StrategyFactory } from './strategy.ts'
