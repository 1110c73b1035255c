import { boolean, checkOptions, number, object, type Rule, withDefaults } from '@comm/core/options'
import type { ChannelOptions } from '@grpc/grpc-js'

/** HTTP/2 pings that find out whether the other side is still there. */
export interface KeepaliveOptions {
  /** After so long without a sign of it. A server may refuse (`too_many_pings`) what comes more often than every 5 minutes, unless it is set up so. @default 60000 */
  readonly intervalMs?: number
  /** The connection is given up after so long without an answer. @default 20000 */
  readonly timeoutMs?: number
  /** Also while there is no call. @default false */
  readonly whileIdle?: boolean
}

export const KEEPALIVE_DEFAULTS: Readonly<Required<KeepaliveOptions>> = Object.freeze({
  intervalMs: 60_000,
  timeoutMs: 20_000,
  whileIdle: false,
})

/** 0 is no limit for us, -1 for grpc-js. */
const UNLIMITED = -1

export const sizeLimit: Rule = number({ min: 1, integer: true, infinite: true })
export const keepaliveRule: Rule = {
  expected: 'false or an object with its options',
  accepts: (value) => value === false || object.accepts(value),
}

/** @throws ConfigurationError */
export function keepaliveOptions(what: string, keepalive: false | KeepaliveOptions | undefined): ChannelOptions {
  if (keepalive === false) return {}
  const given = keepalive ?? {}
  const duration = number({ min: 1 })
  checkOptions<KeepaliveOptions>(what, given, { intervalMs: duration, timeoutMs: duration, whileIdle: boolean })
  const { intervalMs, timeoutMs, whileIdle } = withDefaults(KEEPALIVE_DEFAULTS, given)
  return {
    'grpc.keepalive_time_ms': intervalMs,
    'grpc.keepalive_timeout_ms': timeoutMs,
    'grpc.keepalive_permit_without_calls': whileIdle ? 1 : 0,
  }
}

export function sizeOptions(maxReceiveBytes: number, maxSendBytes: number): ChannelOptions {
  return {
    'grpc.max_receive_message_length': Number.isFinite(maxReceiveBytes) ? maxReceiveBytes : UNLIMITED,
    'grpc.max_send_message_length': Number.isFinite(maxSendBytes) ? maxSendBytes : UNLIMITED,
  }
}
