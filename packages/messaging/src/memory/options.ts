import type { Clock } from '@comm/core'
import { systemClock } from '@comm/core'
import { checkOptions, number, object } from '@comm/core/options'

export interface MemoryServerOptions {
  /** Records that each topic keeps for groups that begin at `earliest` or at a time, and for browsing. @default 10000 */
  readonly retainedRecords?: number
  /** The same in bytes of their bodies; whichever is reached first. @default 67108864 (64 MiB) */
  readonly retainedBytes?: number
  /** Records that one group of a topic may have unsettled; more are refused with `stored: 'no'`. @default 1000000 */
  readonly maxQueuedRecords?: number
  /** Larger bodies are refused. @default Infinity */
  readonly maxBodyBytes?: number
  /** Decides when delayed records are due and others expired. @default systemClock */
  readonly clock?: Clock
}

export const MEMORY_SERVER_DEFAULTS: Readonly<Required<MemoryServerOptions>> = Object.freeze({
  retainedRecords: 10_000,
  retainedBytes: 64 * 1024 * 1024,
  maxQueuedRecords: 1_000_000,
  maxBodyBytes: Number.POSITIVE_INFINITY,
  clock: systemClock,
})

const count = number({ min: 0, integer: true, infinite: true })
const positive = number({ min: 1, integer: true, infinite: true })

/** @throws ConfigurationError */
export function resolveServerOptions(options: MemoryServerOptions): Readonly<Required<MemoryServerOptions>> {
  checkOptions('MemoryServer options', options, {
    retainedRecords: count,
    retainedBytes: count,
    maxQueuedRecords: positive,
    maxBodyBytes: positive,
    clock: object,
  })
  return Object.freeze({ ...MEMORY_SERVER_DEFAULTS, ...withoutUndefined(options) })
}

function withoutUndefined(options: MemoryServerOptions): MemoryServerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}
