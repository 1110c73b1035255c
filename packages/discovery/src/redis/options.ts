import { checkOptions, number, object, text, withDefaults } from '@comm/core/options'
import type { RedisConnection, RedisConnectionOptions } from '@comm/redis-stores/connection'

export interface RedisRegistryOptions {
  /** One that others use too; whoever made it connects and closes it. Or how to make one. @default { host: 'localhost' } */
  readonly connection?: RedisConnection | RedisConnectionOptions
  /** Before every key. @default 'comm:discovery:' */
  readonly keyPrefix?: string
  /** How often a list that is followed is asked for; an answer without changes is a few bytes. @default 500 */
  readonly pollMs?: number
  /** How long one request of a watch may take. @default 5000 */
  readonly requestTimeoutMs?: number
}

export const REDIS_REGISTRY_DEFAULTS: Readonly<Required<RedisRegistryOptions>> = Object.freeze({
  connection: Object.freeze({}),
  keyPrefix: 'comm:discovery:',
  pollMs: 500,
  requestTimeoutMs: 5000,
})

/** @throws ConfigurationError */
export function resolveRedis(options: RedisRegistryOptions): Readonly<Required<RedisRegistryOptions>> {
  checkOptions<RedisRegistryOptions>('RedisRegistry', options, {
    connection: object,
    keyPrefix: text,
    pollMs: number({ min: 10 }),
    requestTimeoutMs: number({ above: 0 }),
  })
  return Object.freeze(withDefaults(REDIS_REGISTRY_DEFAULTS, options))
}
