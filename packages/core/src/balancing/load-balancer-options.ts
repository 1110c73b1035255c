import { type Clock, systemClock } from '../clock.ts'
import { type Logger, silentLogger } from '../logger.ts'
import {
  callable,
  checkOptions,
  either,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  required,
  withDefaults,
  withMethods,
} from '../options.ts'
import { type HealthCheckOptions, resolveHealthCheck } from './health-checks.ts'
import type { EndpointSource, Instance } from './instance.ts'
import { type OutlierDetectionOptions, resolveOutlierDetection } from './outlier-detection.ts'
import { staticEndpoints } from './static-endpoints.ts'
import { powerOfTwoChoices } from './strategies/power-of-two-choices.ts'
import type { StrategyFactory } from './strategy.ts'

/** Something that a balancer found out about an instance. */
export interface InstanceEvent {
  readonly balancer: string
  readonly instance: Instance
  readonly change: 'ejected' | 'readmitted' | 'unhealthy' | 'healthy'
}

export interface LoadBalancerOptions {
  /** Where the instances are known, or the instances themselves, such as `host:port`. */
  readonly instances: EndpointSource | readonly (string | Instance)[]
  /** Stands in errors, logs and metrics. @default 'balancer' */
  readonly name?: string
  /** @default powerOfTwoChoices() */
  readonly strategy?: StrategyFactory
  /** Instances of this zone are preferred while enough of them can be called. @default none */
  readonly zone?: string
  /** … which is this share of them; 0 to 1. @default 0.7 */
  readonly zoneHealthyRatio?: number
  /** How long the share of a new instance grows until it is whole; with strategies that heed weights. @default 0 */
  readonly slowStartMs?: number
  /** False: failing instances are called like others. @default {} */
  readonly outlierDetection?: OutlierDetectionOptions | false
  /** Active checks; they begin with the first call or `start()`, and end with `close()`. @default none */
  readonly healthCheck?: HealthCheckOptions
  /**
   * When fewer than this share of the instances can be called, all are: what is left would break under the load of all, and so many are
   * rarely down at once. 0 to 1; 0 never. @default 0.5
   */
  readonly panicThreshold?: number
  readonly onChange?: (event: InstanceEvent) => void
  readonly logger?: Logger
  /** @default systemClock */
  readonly clock?: Clock
  /** Numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

export const LOAD_BALANCER_DEFAULTS: Readonly<
  Required<Omit<LoadBalancerOptions, 'instances' | 'zone' | 'healthCheck' | 'onChange'>>
> = Object.freeze({
  name: 'balancer',
  strategy: powerOfTwoChoices(),
  zoneHealthyRatio: 0.7,
  slowStartMs: 0,
  outlierDetection: Object.freeze({}),
  panicThreshold: 0.5,
  logger: silentLogger,
  clock: systemClock,
  random: Math.random,
})

export type ResolvedLoadBalancer = Omit<
  typeof LOAD_BALANCER_DEFAULTS & LoadBalancerOptions,
  'instances' | 'outlierDetection' | 'healthCheck'
> & {
  readonly source: EndpointSource
  readonly outlierDetection: Required<OutlierDetectionOptions> | undefined
  readonly healthCheck: Required<HealthCheckOptions> | undefined
}

const ratio = number({ min: 0, max: 1 })
const someInstances: Rule = either(withMethods('an EndpointSource', 'ready', 'watch'), {
  expected: 'an array of instances',
  accepts: Array.isArray,
})

/** @throws ConfigurationError */
export function resolveLoadBalancer(options: LoadBalancerOptions): ResolvedLoadBalancer {
  checkOptions<LoadBalancerOptions>('loadBalancer', options, {
    instances: required(someInstances),
    name: nonEmptyText,
    strategy: withMethods('a strategy such as roundRobin()', 'create'),
    zone: nonEmptyText,
    zoneHealthyRatio: ratio,
    slowStartMs: number({ min: 0 }),
    outlierDetection: either(oneOf(false), object),
    healthCheck: object,
    panicThreshold: ratio,
    onChange: callable,
    logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error'),
    clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
    random: callable,
  })
  const { instances, outlierDetection, healthCheck, ...resolved } = withDefaults(LOAD_BALANCER_DEFAULTS, options)
  return Object.freeze({
    ...resolved,
    source: isSource(instances) ? instances : staticEndpoints(instances),
    outlierDetection: outlierDetection === false ? undefined : resolveOutlierDetection(outlierDetection),
    healthCheck: healthCheck && resolveHealthCheck(healthCheck),
  })
}

function isSource(given: LoadBalancerOptions['instances']): given is EndpointSource {
  return !Array.isArray(given)
}
