export { type ConnectionWatcher, RedisConnection } from './connection.ts'
export { hadNoEffect, isGone, redisError, replyAsError } from './errors.ts'
export { type Argument, destroyClient, type NodeClient, type RedisLink, RedisScript, type ReplyForm, sendTo } from './link.ts'
export {
  type Endpoint,
  REDIS_CONNECTION_DEFAULTS,
  REDIS_CONNECTION_RULES,
  type RedisConnectionOptions,
  type RedisTlsOptions,
  type ResolvedConnection,
} from './options.ts'
