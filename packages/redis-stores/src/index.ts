export { RedisConnection, type RedisConnectionOptions } from './connection/index.ts'
export { RedisDedupStore } from './dedup.ts'
export { REDIS_DEDUP_DEFAULTS, type RedisDedupOptions } from './dedup-options.ts'
