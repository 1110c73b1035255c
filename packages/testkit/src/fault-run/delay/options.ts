import { checkOptions, number, oneOf, type Rules, required, withDefaults } from '@comm/core/options'
import { BROKERS, type BrokerName } from '../options.ts'

export interface DelayRunOptions {
  readonly broker: BrokerName
  /** RabbitMQ: the type of the queues. @default 'quorum' */
  readonly queue?: 'quorum' | 'classic'
  /** Those that wait when the broker is killed. @default 5000 */
  readonly messages?: number
}

export const DELAY_RUN_DEFAULTS: Readonly<Required<Omit<DelayRunOptions, 'broker'>>> = Object.freeze({
  queue: 'quorum',
  messages: 5000,
})

const RULES: Rules<DelayRunOptions> = {
  broker: required(oneOf(...BROKERS)),
  queue: oneOf('quorum', 'classic'),
  messages: number({ min: 1, integer: true }),
}

export type ResolvedDelayRun = Readonly<Required<DelayRunOptions>>

/** @throws ConfigurationError */
export function resolveDelayRun(options: DelayRunOptions): ResolvedDelayRun {
  checkOptions<DelayRunOptions>('faults delay', options, RULES)
  return Object.freeze({ ...withDefaults(DELAY_RUN_DEFAULTS, options), broker: options.broker })
}
