import type { Clock, CommunicationError } from '@comm/core'
import type { SubscribeRequest } from '@comm/messaging'
import { HandoverConsumer, type HandoverParts } from '@comm/messaging/adapter'
import { type RedisLink, redisError } from '@comm/redis-stores/connection'

export interface RedisConsumerParts extends HandoverParts {
  readonly link: RedisLink
  readonly clock: Clock
}

/** Says, for each subscription, how its consumers are made: one for each connection. */
export type Consume = (request: SubscribeRequest) => (parts: RedisConsumerParts) => RedisConsumer

export abstract class RedisConsumer extends HandoverConsumer {
  readonly link: RedisLink
  readonly clock: Clock

  constructor(parts: RedisConsumerParts) {
    super(parts)
    this.link = parts.link
    this.clock = parts.clock
  }

  protected failureOf(thrown: unknown, what: string): CommunicationError {
    return redisError(thrown, what)
  }
}
