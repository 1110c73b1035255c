import { anything, checkOptions, type Rule, type Rules } from '@comm/core/options'
import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { RabbitMQAdapter } from './adapter.ts'
import { RABBITMQ_RULES, type RabbitMQAdapterOptions } from './options.ts'

export interface RabbitMQClientOptions extends MessageClientOptions, RabbitMQAdapterOptions {}

/** Checked by the message client itself. */
const CLIENT_RULES: Rules<MessageClientOptions> = {
  name: anything,
  source: anything,
  group: anything,
  connectOn: anything,
  publishTimeoutMs: anything,
  requestTimeoutMs: anything,
  closeTimeoutMs: anything,
  buffer: anything,
  codecs: anything,
  resilience: anything,
  logger: anything,
  clock: anything,
  random: anything,
}

/** A message client on RabbitMQ. It connects when it is first used, reconnects by itself, and drains when it is closed. */
export class RabbitMQClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RabbitMQClientOptions = {}) {
    checkOptions<RabbitMQClientOptions>('rabbitmq', options, { ...CLIENT_RULES, ...RABBITMQ_RULES })
    super(new RabbitMQAdapter(pick(options, RABBITMQ_RULES)), pick(options, CLIENT_RULES))
  }
}

function pick<Options extends object>(options: Options, rules: Readonly<Record<string, Rule>>): Partial<Options> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(rules, name))) as Partial<Options>
}
