export { type ConnectionWatcher, RedisConnection } from './connection.ts'
export { hadNoEffect, isGone, redisError, replyAsError } from './errors.ts'
export { type Argument, type NodeClient, type RedisLink, RedisScript, type ReplyForm, sendTo } from './link.ts'
export {
  connectionOptions,
  REDIS_CONNECTION_DEFAULTS,
  REDIS_CONNECTION_RULES,
  type RedisConnectionOptions,
  type ResolvedConnection,
} from './options.ts'
export { OwnConnection } from './own-connection.ts'
