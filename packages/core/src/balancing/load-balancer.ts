import { CommunicationError, ServiceUnavailableError } from '../errors/errors.ts'
import { notify } from '../notify.ts'
import type { Verdict } from '../resilience/stage.ts'
import { Candidate } from './candidate.ts'
import { eligible } from './eligible.ts'
import { HealthChecks } from './health-checks.ts'
import type { EndpointSource, Instance } from './instance.ts'
import {
  type InstanceEvent,
  type LoadBalancerOptions,
  type ResolvedLoadBalancer,
  resolveLoadBalancer,
} from './load-balancer-options.ts'
import { OutlierDetector } from './outlier-detection.ts'
import { lessBusyOfTwo } from './strategies/power-of-two-choices.ts'
import type { BalancingStrategy } from './strategy.ts'

/** A failure counts as a response that took at least so long, or an instance that refuses quickly would seem the fastest. */
const FAILURE_COSTS_MS = 1000

/** What a balancer knows of an instance. */
export interface InstanceState {
  readonly instance: Instance
  readonly inFlight: number
  readonly isHealthy: boolean
  readonly isEjected: boolean
  /** Milliseconds, about; 0 before the first call, and with strategies that do not measure. */
  readonly responseTimeMs: number
}

/**
 * Chooses an instance for each call and learns from what becomes of it. Use it as a stage of a pipeline with `pick`; or take an instance
 * with `acquire`, and say what became of the call. One balancer serves any number of pipelines.
 */
export class LoadBalancer implements AsyncDisposable {
  readonly name: string
  readonly source: EndpointSource
  readonly strategyName: string
  readonly #options: ResolvedLoadBalancer
  readonly #strategy: BalancingStrategy
  readonly #outliers: OutlierDetector | undefined
  readonly #checks: HealthChecks | undefined
  #all: readonly Candidate[] = []
  #eligible: readonly Candidate[] = []
  #isCurrent = false
  /** When the next that is aside comes back. */
  #returnsAt = Number.POSITIVE_INFINITY
  #unwatch: (() => void) | undefined
  #isClosed = false

  /** @throws ConfigurationError */
  constructor(options: LoadBalancerOptions) {
    const resolved = resolveLoadBalancer(options)
    const { name, source, strategy, random, clock, outlierDetection, healthCheck } = resolved
    this.name = name
    this.source = source
    this.strategyName = strategy.name
    this.#options = resolved
    this.#strategy = strategy.create(random)
    this.#outliers = outlierDetection && new OutlierDetector(outlierDetection)
    this.#checks = healthCheck && new HealthChecks(healthCheck, { clock, random, onChange: this.#checked })
  }

  /** Every instance, with what is known of it. */
  get instances(): readonly InstanceState[] {
    if (!this.#isClosed) this.#update(this.#options.clock.now())
    return this.#all.map(({ instance, inFlight, isHealthy, isEjected, ewmaMs }) => {
      return { instance, inFlight, isHealthy, isEjected, responseTimeMs: ewmaMs }
    })
  }

  /** Begins with the active health checks before the first call does. Idempotent. */
  start(): void {
    this.#update(this.#options.clock.now())
  }

  /**
   * The instance for a call that begins now; `release` must follow.
   * @param key what a consistent choice is made by
   * @param avoid ids of the instances where the call has been already: another is chosen, if there is another
   * @throws ServiceUnavailableError there is none
   */
  acquire(key?: string, avoid?: ReadonlySet<string>): Candidate {
    const now = this.#options.clock.now()
    if (!this.#isCurrent || now >= this.#returnsAt) this.#update(now)
    if (this.#eligible.length === 0) throw this.#noInstance()
    const picked = (avoid === undefined ? undefined : this.#other(avoid, key, now)) ?? this.#strategy.pick(key, now)
    picked.inFlight++
    this.#strategy.started?.(picked, now)
    return picked
  }

  /** What became of the call. @param durationMs from its begin to its outcome */
  report(candidate: Candidate, verdict: Verdict, durationMs: number): void {
    if (verdict === 'ignore') return
    const failed = verdict === 'failure'
    const now = this.#options.clock.now()
    this.#strategy.observed?.(candidate, failed ? Math.max(durationMs, FAILURE_COSTS_MS) : durationMs, now)
    if (!this.#outliers?.record(candidate, failed, now, this.#all)) return
    this.#isCurrent = false
    this.#tell(candidate, 'ejected')
  }

  /** The call runs there no longer. */
  release(candidate: Candidate): void {
    candidate.inFlight--
    this.#strategy.ended?.(candidate, this.#options.clock.now())
  }

  /** Ends watching and checking. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#unwatch?.()
    this.#checks?.watch([])
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #other(avoid: ReadonlySet<string>, key: string | undefined, now: number): Candidate | undefined {
    if (this.#strategy.pickOther !== undefined) return this.#strategy.pickOther(avoid, key, now)
    const others = this.#eligible.filter((candidate) => !avoid.has(candidate.instance.id))
    return others.length === 0 ? undefined : lessBusyOfTwo(others, this.#options.random, now)
  }

  /** Takes over what has changed since the last call. */
  #update(now: number): void {
    if (this.#isClosed) throw new CommunicationError(`${this.name} was used after it had been closed`, { code: 'COMM_CLOSED' })
    this.#unwatch ??= this.source.watch(() => {
      this.#isCurrent = false
      if (this.#checks !== undefined && !this.#isClosed) this.#update(this.#options.clock.now())
    })
    this.#adopt(now)
    for (const candidate of this.#all) if (this.#outliers?.readmit(candidate, now)) this.#tell(candidate, 'readmitted')
    this.#returnsAt = this.#all.reduce(
      (soonest, { isEjected, ejectedUntil }) => (isEjected ? Math.min(soonest, ejectedUntil) : soonest),
      Number.POSITIVE_INFINITY,
    )
    this.#isCurrent = true
    const next = eligible(this.#all, this.#options)
    if (next.length === this.#eligible.length && next.every((candidate, index) => candidate === this.#eligible[index])) return
    this.#eligible = next
    if (next.length > 0) this.#strategy.reset(next, now)
  }

  /** The instances as the source has them now; those that stayed keep what is known of them. */
  #adopt(now: number): void {
    const known = new Map(this.#all.map((candidate) => [candidate.instance.id, candidate]))
    // Those that are there from the beginning are not new to the service.
    const slowStartMs = this.#all.length === 0 ? 0 : this.#options.slowStartMs
    let isSame = this.source.instances.length === this.#all.length
    const all = this.source.instances.map((instance, index) => {
      const candidate = known.get(instance.id)
      if (candidate?.instance !== instance || this.#all[index] !== candidate) isSame = false
      if (candidate === undefined || isElsewhere(candidate.instance, instance)) return new Candidate(instance, now, slowStartMs)
      candidate.instance = instance
      return candidate
    })
    if (isSame) return
    this.#all = all
    this.#eligible = []
    this.#checks?.watch(all)
  }

  readonly #checked = (candidate: Candidate, reason: unknown): void => {
    const { logger, name } = this.#options
    if (candidate.isHealthy) logger.info(`${name}: ${candidate.instance.id} is healthy again`)
    else logger.warn(`${name}: ${candidate.instance.id} fails its health checks`, { error: reason })
    this.#isCurrent = false
    this.#tell(candidate, candidate.isHealthy ? 'healthy' : 'unhealthy')
  }

  #tell({ instance }: Candidate, change: InstanceEvent['change']): void {
    notify('onChange', this.#options.onChange, { balancer: this.name, instance, change })
  }

  #noInstance(): ServiceUnavailableError {
    const why = this.source.isStale ? 'its registry is away, and none was known before' : 'none is registered'
    return new ServiceUnavailableError(`${this.name} has no instance to call: ${why}`, { details: { balancer: this.name } })
  }
}

function isElsewhere(one: Instance, other: Instance): boolean {
  return one.host !== other.host || one.port !== other.port
}
