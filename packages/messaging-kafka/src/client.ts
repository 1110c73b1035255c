import { MessageClient, type MessageClientOptions } from '@comm/messaging'
import { splitClientOptions } from '@comm/messaging/adapter'
import { KafkaAdapter } from './adapter.ts'
import { KAFKA_RULES, type KafkaAdapterOptions } from './options.ts'

export interface KafkaClientOptions extends MessageClientOptions, KafkaAdapterOptions {}

/** A message client on Kafka. It connects when it is first used, reconnects by itself, and drains when it is closed. */
export class KafkaClient extends MessageClient {
  /** @throws ConfigurationError */
  constructor(options: KafkaClientOptions = {}) {
    const { adapter, client } = splitClientOptions<KafkaAdapterOptions>('kafka', options, KAFKA_RULES)
    const group = client.group ?? adapter.consumerConfig?.groupId
    super(new KafkaAdapter(adapter), group === undefined ? client : { ...client, group })
  }
}
