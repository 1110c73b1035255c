import { checkOptions, number, oneOf, type Rules, required, withDefaults } from '@comm/core/options'

export const FAULT_REGISTRIES = ['consul', 'etcd', 'redis'] as const
export type FaultRegistry = (typeof FAULT_REGISTRIES)[number]

export interface DiscoveryRunOptions {
  /** The registry; named as the brokers of other runs are. */
  readonly broker: FaultRegistry
  /** How long the registry is away, each time. @default 30 */
  readonly seconds?: number
  /** How long instances come and go. @default 60 */
  readonly churn?: number
  /** Registrations and deregistrations a second then. @default 100 */
  readonly rate?: number
  /** Fewer a second that the registry took are a failure: for a machine that is left alone. @default 0 */
  readonly least?: number
}

export const DISCOVERY_RUN_DEFAULTS: Readonly<Required<Omit<DiscoveryRunOptions, 'broker'>>> = Object.freeze({
  seconds: 30,
  churn: 60,
  rate: 100,
  least: 0,
})

const RULES: Rules<DiscoveryRunOptions> = {
  broker: required(oneOf(...FAULT_REGISTRIES)),
  seconds: number({ min: 1 }),
  churn: number({ min: 1 }),
  rate: number({ min: 2, integer: true }),
  least: number({ min: 0 }),
}

export type ResolvedDiscoveryRun = Readonly<Required<DiscoveryRunOptions>>

/** @throws ConfigurationError */
export function resolveDiscoveryRun(options: DiscoveryRunOptions): ResolvedDiscoveryRun {
  checkOptions<DiscoveryRunOptions>('faults discovery', options, RULES)
  return Object.freeze({ ...withDefaults(DISCOVERY_RUN_DEFAULTS, options), broker: options.broker })
}

/** What is registered in a run: dead after five seconds, three heartbeats. */
export const TTL_MS = 5000
export const HEARTBEAT_MS = 1600
export const SERVICE = 'orders'
