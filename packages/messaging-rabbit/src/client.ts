import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { splitClientOptions } from '@comm/messaging/adapter'
import { RabbitMQAdapter } from './adapter.ts'
import { RABBITMQ_RULES, type RabbitMQAdapterOptions } from './options.ts'

export interface RabbitMQClientOptions extends MessageClientOptions, RabbitMQAdapterOptions {}

/** A message client on RabbitMQ. It connects when it is first used, reconnects by itself, and drains when it is closed. */
export class RabbitMQClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: RabbitMQClientOptions = {}) {
    const { adapter, client } = splitClientOptions<RabbitMQAdapterOptions>('rabbitmq', options, RABBITMQ_RULES)
    super(new RabbitMQAdapter(adapter), client)
  }
}
