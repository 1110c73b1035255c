import { checkOptions, object, text, withDefaults } from '@comm/core/options'
import { RedisConnection, type RedisConnectionOptions } from './connection/index.ts'

export interface RedisDedupOptions {
  /** One that others use too; whoever made it connects and closes it. Or how to make one. @default { host: 'localhost' } */
  readonly connection?: RedisConnection | RedisConnectionOptions
  /** Put before every key. @default 'comm:dedup:' */
  readonly keyPrefix?: string
}

export const REDIS_DEDUP_DEFAULTS: Readonly<Required<RedisDedupOptions>> = Object.freeze({
  connection: Object.freeze({}),
  keyPrefix: 'comm:dedup:',
})

/** @throws ConfigurationError */
export function resolveDedupOptions(options: RedisDedupOptions): {
  readonly connection: RedisConnection
  readonly isOurs: boolean
  readonly keyPrefix: string
} {
  checkOptions<RedisDedupOptions>('RedisDedupStore', options, { connection: object, keyPrefix: text })
  const { connection, keyPrefix } = withDefaults(REDIS_DEDUP_DEFAULTS, options)
  if (connection instanceof RedisConnection) return { connection, isOurs: false, keyPrefix }
  return { connection: new RedisConnection(connection), isOurs: true, keyPrefix }
}
