import type { BrokerFeatures, OutboundRecord, PublishResult } from '@comm/messaging'
import { LinkedAdapter } from '@comm/messaging/adapter'
import type { RedisConnection, RedisLink } from '@comm/redis-stores/connection'
import type { Consume, RedisConsumer } from './consumer.ts'
import { checkNames, errors } from './errors.ts'
import { type Dispatch, Publisher } from './publisher.ts'

/** What both ways over Redis have in common. */
export abstract class RedisAdapter extends LinkedAdapter<RedisLink, RedisConsumer> {
  readonly system = 'redis'
  readonly #publisher: Publisher

  constructor(connection: RedisConnection, features: BrokerFeatures, dispatch: Dispatch, consume: Consume) {
    const { options } = connection
    super({
      broker: 'Redis',
      errors,
      features,
      connection,
      options,
      consumersOf: (request) => {
        checkNames(request.topics, request.group)
        const make = consume(request)
        return (link, parts) => make({ ...parts, link, clock: options.clock })
      },
    })
    this.#publisher = new Publisher(connection, features, dispatch)
    connection.watch({
      onLost: (reason) => this.subscriptions.lose(reason),
      onRestored: () => this.subscriptions.resume(),
    })
  }

  protected send(link: RedisLink, records: readonly OutboundRecord[], signal: AbortSignal): Promise<readonly PublishResult[]> {
    return this.#publisher.publish(link, records, signal)
  }
}
