import type { Clock, Logger, MessageGuard, Pipeline } from '@comm/core'
import {
  arrayOf,
  callable,
  checkOptions,
  nonEmptyText,
  number,
  object,
  oneOf,
  type Rule,
  type Rules,
  withMethods,
} from '@comm/core/options'
import type { Codec } from '../codec.ts'
import { portableName } from '../topic.ts'
import { type BufferOptions, checkBufferOptions } from './buffer-options.ts'
import { pipelineRule, positiveMs } from './rules.ts'

export interface MessageClientOptions {
  /** Name in logs, health and shutdown reports. @default 'messaging' */
  readonly name?: string
  /** CloudEvents `source` of what is published, a URI reference. @default `/${name}` */
  readonly source?: string
  /** Group of subscriptions that name none, usually the service's name. @default none: each such subscription gets a copy of its own */
  readonly group?: string
  /**
   * `use`: the first publish or subscribe connects. `start`: only `start()` does; until then publishes wait in the buffer, and
   * subscriptions are kept and start with it. @default 'use'
   */
  readonly connectOn?: 'use' | 'start'
  /** How long a publish may wait for its confirmation, resends included. @default 30000 */
  readonly publishTimeoutMs?: number
  /** How long a request waits for its reply. @default 10000 */
  readonly requestTimeoutMs?: number
  /** How long `close()` may take: 80 % for handlers, 10 % for the buffer, the rest, and at least 250 ms, for disconnecting. @default 10000 */
  readonly closeTimeoutMs?: number
  readonly buffer?: BufferOptions
  /** Beside JSON, text and bytes. @default [] */
  readonly codecs?: readonly Codec[]
  /** Who signs what goes out, and decides what is let in; in this order. @default [] */
  readonly guards?: readonly MessageGuard[]
  /** Policies around every publish, resends included. @default none */
  readonly resilience?: Pipeline
  readonly logger?: Logger
  readonly clock?: Clock
  /** Numbers from 0 up to but excluding 1. @default Math.random */
  readonly random?: () => number
}

export const CLIENT_DEFAULTS: Readonly<
  Required<Pick<MessageClientOptions, 'name' | 'connectOn' | 'publishTimeoutMs' | 'requestTimeoutMs' | 'closeTimeoutMs'>>
> = Object.freeze({
  name: 'messaging',
  connectOn: 'use',
  publishTimeoutMs: 30_000,
  requestTimeoutMs: 10_000,
  closeTimeoutMs: 10_000,
})

const codec: Rule = {
  expected: 'a codec with contentType, encode and decode',
  accepts: (value) =>
    object.accepts(value) &&
    nonEmptyText.accepts((value as Partial<Codec>).contentType) &&
    typeof (value as Partial<Codec>).encode === 'function' &&
    typeof (value as Partial<Codec>).decode === 'function',
}

const guard: Rule = {
  expected: 'a guard with outgoing(), incoming() or subscribing()',
  accepts: (value) =>
    object.accepts(value) &&
    [(value as MessageGuard).outgoing, (value as MessageGuard).incoming, (value as MessageGuard).subscribing].some(
      (method) => typeof method === 'function',
    ),
}

export const CLIENT_RULES: Rules<MessageClientOptions> = Object.freeze({
  name: nonEmptyText,
  source: nonEmptyText,
  group: portableName,
  connectOn: oneOf('use', 'start'),
  publishTimeoutMs: positiveMs,
  requestTimeoutMs: positiveMs,
  closeTimeoutMs: number({ min: 0 }),
  buffer: object,
  codecs: arrayOf(codec),
  guards: arrayOf(guard),
  resilience: pipelineRule,
  logger: withMethods('a Logger', 'debug', 'info', 'warn', 'error'),
  clock: withMethods('a Clock', 'now', 'wall', 'setTimer'),
  random: callable,
})

export function checkClientOptions(options: MessageClientOptions): void {
  checkOptions<MessageClientOptions>('messaging', options, CLIENT_RULES)
  if (options.buffer !== undefined) checkBufferOptions(options.buffer)
}
