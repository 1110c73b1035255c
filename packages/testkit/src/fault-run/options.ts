import { boolean, checkOptions, number, oneOf, type Rules, required, withDefaults } from '@comm/core/options'

/** What can befall a run. `rolling`: each consumer is stopped in good order and replaced, as a deployment does. */
export type FaultKind = 'kill' | 'stop' | 'restart' | 'cut' | 'slow' | 'consumer-crash' | 'rolling'
export const FAULT_KINDS: readonly FaultKind[] = Object.freeze([
  'kill',
  'stop',
  'restart',
  'cut',
  'slow',
  'consumer-crash',
  'rolling',
])

export type BrokerName = 'rabbit' | 'kafka' | 'redis-streams' | 'memory'
export const BROKERS: readonly BrokerName[] = Object.freeze(['rabbit', 'kafka', 'redis-streams', 'memory'])

export interface FaultRunOptions {
  readonly broker: BrokerName
  /** Retries wait in their lane, and one consumer at a time is active where the broker needs that to keep order. @default false */
  readonly ordered?: boolean
  /** RabbitMQ: the type of the queues. @default 'quorum' */
  readonly queue?: 'quorum' | 'classic'
  /** @default 5000 */
  readonly messages?: number
  /** Decides which faults come when, for how long, and which handler calls fail. @default 1 */
  readonly seed?: number
  /** One kind of fault only, or all of them. @default 'all' */
  readonly schedule?: FaultKind | 'all'
}

export type ResolvedFaultRun = Readonly<Required<FaultRunOptions>>

export const FAULT_RUN_DEFAULTS: Readonly<Required<Omit<FaultRunOptions, 'broker'>>> = Object.freeze({
  ordered: false,
  queue: 'quorum',
  messages: 5000,
  seed: 1,
  schedule: 'all',
})

/** Every key has at least one message. */
export const KEYS = 50

const RULES: Rules<FaultRunOptions> = {
  broker: required(oneOf(...BROKERS)),
  ordered: boolean,
  queue: oneOf('quorum', 'classic'),
  messages: number({ min: KEYS, integer: true }),
  seed: number({ integer: true }),
  schedule: oneOf('all', ...FAULT_KINDS),
}

/** @throws ConfigurationError */
export function resolveFaultRun(options: FaultRunOptions): ResolvedFaultRun {
  checkOptions<FaultRunOptions>('faults', options, RULES)
  return Object.freeze({ ...withDefaults(FAULT_RUN_DEFAULTS, options), broker: options.broker })
}
