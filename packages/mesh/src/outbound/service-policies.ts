import {
  type BreakerOptions,
  type BreakerStateChange,
  type Classify,
  type Clock,
  type Logger,
  type Policies,
  type PoliciesConfig,
  type PolicyConfig,
  type PolicySet,
  policies,
  type RetryOptions,
  type Stage,
} from '@comm/core'
import { object } from '@comm/core/options'

/** Policies for every service that has none of its own name. */
const ANY_SERVICE = '*'

/** What every service is called with, unless its own policies say otherwise; `false` turns one off. */
export const MESH_POLICY_DEFAULTS: PolicySet = Object.freeze({
  totalTimeout: Object.freeze({ ms: 30_000 }),
  retry: Object.freeze({ maxRetries: 3 }),
  breaker: true,
  bulkhead: Object.freeze({ limit: 100, maxQueue: 1000 }),
  timeout: Object.freeze({ ms: 10_000 }),
})

/** What outcomes mean, and where an instance is picked, in calls of one protocol. */
export interface ProtocolRules {
  readonly retry: Required<Pick<RetryOptions, 'classify' | 'isSafe' | 'hint'>>
  readonly breaker: Pick<BreakerOptions, 'onStateChange'> & { readonly classify: Classify }
  /** Stands for the choice of the instance. */
  readonly pickPlace: Stage
}

type Data = Readonly<Record<string, unknown>>

const PER_INSTANCE: readonly string[] = ['breaker', 'bulkhead', 'concurrencyLimit']
/** An instance is picked behind these, so that each further attempt has one of its own, and in front of all that may be per instance. */
const OUTSIDE: ReadonlySet<string> = new Set(['retry', 'hedge'])

/** The policies of calls over one protocol, by service; what they have learned outlives a reload where it is the same policy. */
export class ServicePolicies {
  readonly #rules: ProtocolRules
  readonly #registry: Policies
  #config: PoliciesConfig
  readonly #called = new Set<string>()
  readonly #placed = new WeakMap<readonly Stage[], readonly Stage[]>()

  /** @throws ConfigurationError with every problem at once */
  constructor(
    config: PoliciesConfig,
    rules: ProtocolRules,
    { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
  ) {
    const onStateChange = ({ breaker, from, to }: BreakerStateChange): void =>
      logger.warn(`the circuit breaker of ${breaker} is ${to}`, { service: breaker, from, to })
    this.#config = config
    this.#rules = { ...rules, breaker: { onStateChange, ...rules.breaker } }
    this.#registry = policies(this.#whole(config), { clock })
  }

  /** The stages of the moment, outermost first: the same array until they change. */
  of(service: string): () => readonly Stage[] {
    this.#called.add(service)
    if (!this.#registry.names.includes(service)) this.#registry.reload(this.#whole(this.#config))
    const pipeline = this.#registry.get(service)
    return () => this.#withPick(pipeline.stages)
  }

  /** Takes on other policies, all or none. @throws ConfigurationError with every problem at once */
  reload(config: PoliciesConfig): void {
    this.#registry.reload(this.#whole(config))
    this.#config = config
  }

  /** Those that are named, the rest, and the services that are called with the rest. */
  #whole(config: PoliciesConfig): PoliciesConfig {
    const rest = (config as Partial<PoliciesConfig>)[ANY_SERVICE] ?? {}
    const called = [...this.#called].map((service) => [service, rest] as const)
    const all = { [ANY_SERVICE]: rest, ...Object.fromEntries(called), ...config }
    return Object.fromEntries(Object.entries(all).map(([service, given]) => [service, this.#complete(given)]))
  }

  /** What is no object is left for core to complain about. */
  #complete(given: PolicyConfig): PolicyConfig {
    if (Array.isArray(given))
      return given.map((one: unknown) => (object.accepts(one) ? this.#withRules(one as Data) : one)) as never
    if (!object.accepts(given)) return given
    return this.#withRules({ ...MESH_POLICY_DEFAULTS, ...given })
  }

  #withRules(set: Data): PolicySet {
    const rules: Data = this.#rules as never
    return Object.fromEntries(
      Object.entries(set).map(([kind, options]) => {
        const own = { ...(PER_INSTANCE.includes(kind) && { perTarget: true }), ...((rules[kind] ?? {}) as Data) }
        if (kind === 'pickPlace' || Object.keys(own).length === 0) return [kind, options]
        if (options === true) return [kind, own]
        return [kind, object.accepts(options) ? { ...own, ...(options as Data) } : options]
      }),
    )
  }

  #withPick(stages: readonly Stage[]): readonly Stage[] {
    let placed = this.#placed.get(stages)
    if (placed === undefined) {
      const last = stages.findLastIndex(({ name }) => OUTSIDE.has(name))
      const first = stages.findIndex(({ name }) => name !== 'timeout')
      const at = last === -1 ? Math.max(0, first) : last + 1
      placed = stages.toSpliced(at, 0, this.#rules.pickPlace)
      this.#placed.set(stages, placed)
    }
    return placed
  }
}
