import { type Backoff, exponentialBackoff } from '@comm/core'
import { checkOptions, oneOf } from '@comm/core/options'
import { backoffRule, count } from './rules.ts'

export interface BufferOptions {
  /** Messages accepted but not yet confirmed. @default 10000 */
  readonly maxMessages?: number
  /** Their size, headers included. @default 67108864 (64 MiB) */
  readonly maxBytes?: number
  /**
   * What a publish does while the buffer is full. `block`: waits for room, at most its `timeoutMs`; only awaiting publishes bounds how
   * many wait. `reject`: fails at once with COMM_BUFFER_FULL. `dropOldest`: takes the place of the oldest message that is not being
   * sent, which fails so. @default 'block'
   */
  readonly whenFull?: 'block' | 'reject' | 'dropOldest'
  /** Messages in one request to the broker. @default 500 */
  readonly maxBatch?: number
  /** Wait before a refused message is sent again. @default exponentialBackoff({ baseMs: 50, maxMs: 5000 }) */
  readonly backoff?: Backoff
}

export const BUFFER_DEFAULTS: Readonly<Required<BufferOptions>> = Object.freeze({
  maxMessages: 10_000,
  maxBytes: 64 * 1024 * 1024,
  whenFull: 'block',
  maxBatch: 500,
  backoff: exponentialBackoff({ baseMs: 50, maxMs: 5000 }),
})

export function checkBufferOptions(options: BufferOptions): void {
  checkOptions<BufferOptions>('buffer', options, {
    maxMessages: count,
    maxBytes: count,
    whenFull: oneOf('block', 'reject', 'dropOldest'),
    maxBatch: count,
    backoff: backoffRule,
  })
}
