import { checkOptions, number, oneOf, type Rules, required, withDefaults } from '@comm/core/options'
import { BROKERS, type BrokerName } from '../options.ts'

/** The in-memory broker has no process that could be away. */
export type OutageBroker = Exclude<BrokerName, 'memory'>

export interface OutageRunOptions {
  readonly broker: OutageBroker
  /** RabbitMQ: the type of the queues. @default 'quorum' */
  readonly queue?: 'quorum' | 'classic'
  /** `stop`: SIGSTOP, connections stay and nothing answers. `kill`: SIGKILL and a restart. @default 'stop' */
  readonly how?: 'stop' | 'kill'
  /** How long the broker is away. @default 60 */
  readonly seconds?: number
  /** Messages offered a second, before, during and after the outage. @default 1000 */
  readonly rate?: number
  /** Messages that the publish buffer holds. @default 10000 */
  readonly buffer?: number
}

export const OUTAGE_RUN_DEFAULTS: Readonly<Required<Omit<OutageRunOptions, 'broker'>>> = Object.freeze({
  queue: 'quorum',
  how: 'stop',
  seconds: 60,
  rate: 1000,
  buffer: 10_000,
})

const RULES: Rules<OutageRunOptions> = {
  broker: required(oneOf(...BROKERS.filter((broker) => broker !== 'memory'))),
  queue: oneOf('quorum', 'classic'),
  how: oneOf('stop', 'kill'),
  seconds: number({ min: 1 }),
  rate: number({ min: 1, integer: true }),
  buffer: number({ min: 1, integer: true }),
}

export type ResolvedOutageRun = Readonly<Required<OutageRunOptions>>

/** @throws ConfigurationError */
export function resolveOutageRun(options: OutageRunOptions): ResolvedOutageRun {
  checkOptions<OutageRunOptions>('faults outage', options, RULES)
  return Object.freeze({ ...withDefaults(OUTAGE_RUN_DEFAULTS, options), broker: options.broker })
}
