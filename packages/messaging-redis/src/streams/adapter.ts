import type { BrokerAdmin, BrokerFeatures } from '@comm/messaging'
import { connectionOptions, RedisConnection } from '@comm/redis-stores/connection'
import { RedisAdapter } from '../adapter.ts'
import { type RedisStreamsAdapterOptions, type ResolvedStreams, resolveStreams } from '../options.ts'
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
    super(connection, featuresOf(options), streamDispatch(connection, options), (consumption) =>
      streamConsumers(consumption, options),
    )
    this.admin = new StreamsAdmin(connection, options.keyPrefix)
  }
}

function featuresOf({ maxBodyBytes, confirmDelivery }: ResolvedStreams): BrokerFeatures {
  return Object.freeze({
    ordering: 'consumer',
    durable: true,
    groups: true,
    patterns: false,
    delay: true,
    priority: false,
    countsRedeliveries: true,
    headers: true,
    replay: true,
    detectsUnroutable: confirmDelivery,
    keepsKeyOrderInBatch: true,
    maxBodyBytes,
  })
}
