import type { Rule } from '@comm/core/options'
import { number, object, text } from '@comm/core/options'
import type { BoundedOptions } from './bounded-scripts.ts'
import { RedisConnection, type RedisConnectionOptions } from './connection/index.ts'

/** What every store that its users can do without takes. */
export interface RedisStoreOptions extends Partial<BoundedOptions> {
  /** One that others use too; whoever made it connects and closes it. Or how to make one. @default { host: 'localhost' } */
  readonly connection?: RedisConnection | RedisConnectionOptions
  /** How long a step may take, connecting included. @default 250 */
  readonly timeoutMs?: number
  /** How long after a step in vain no other is tried. @default 1000 */
  readonly pauseMs?: number
}

export const REDIS_STORE_DEFAULTS: Readonly<Required<RedisStoreOptions>> = Object.freeze({
  connection: Object.freeze({}),
  timeoutMs: 250,
  pauseMs: 1000,
})

export const REDIS_STORE_RULES: Readonly<Record<keyof RedisStoreOptions | 'keyPrefix', Rule>> = {
  connection: object,
  timeoutMs: number({ above: 0 }),
  pauseMs: number({ min: 0 }),
  keyPrefix: text,
}

export interface StoreConnection {
  readonly connection: RedisConnection
  readonly isOurs: boolean
}

/** @throws ConfigurationError */
export function connectionFor(given: RedisConnection | RedisConnectionOptions): StoreConnection {
  if (given instanceof RedisConnection) return { connection: given, isOurs: false }
  return { connection: new RedisConnection(given), isOurs: true }
}
