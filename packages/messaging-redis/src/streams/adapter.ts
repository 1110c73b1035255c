import type { BrokerAdmin } from '@comm/messaging'
import { NO_FEATURES } from '@comm/messaging/adapter'
import { connectionOptions, RedisConnection } from '@comm/redis-stores/connection'
import { RedisAdapter } from '../adapter.ts'
import { type RedisStreamsAdapterOptions, resolveStreams } from '../options.ts'
import { StreamsAdmin } from './admin.ts'
import { streamConsumers } from './consumer.ts'
import { streamDispatch } from './dispatch.ts'

/** Redis Streams: durable, groups, delays, replay. */
export class RedisStreamsAdapter extends RedisAdapter {
  readonly admin: Required<BrokerAdmin>

  /** @throws ConfigurationError */
  constructor(given: RedisStreamsAdapterOptions = {}) {
    const options = resolveStreams(given)
    const connection = new RedisConnection(connectionOptions(given))
    const features = {
      ...NO_FEATURES,
      ordering: 'consumer',
      durable: true,
      groups: true,
      delay: true,
      countsRedeliveries: true,
      headers: true,
      replay: true,
      detectsUnroutable: options.confirmDelivery,
      keepsKeyOrderInBatch: true,
      maxBodyBytes: options.maxBodyBytes,
    } as const
    super(connection, features, streamDispatch(connection, options), streamConsumers(options))
    this.admin = new StreamsAdmin(connection, options.keyPrefix)
  }
}
