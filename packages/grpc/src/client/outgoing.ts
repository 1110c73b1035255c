import { type Call, type CallContext, DEFAULT_CORRELATION_HEADER } from '@comm/core'
import { Metadata } from '@grpc/grpc-js'
import { type Context, propagation, type Span, type TextMapSetter } from '@opentelemetry/api'
import { addMetadata, type MetadataInput } from '../metadata.ts'
import type { Method } from '../method.ts'
import type { StatusName } from '../status.ts'
import type { GrpcCallOptions } from './call-options.ts'
import type { Channels } from './channels.ts'
import type { Requests } from './requests.ts'

/** One call on its way through the policies, which see it as `call.argument`. */
export interface Outgoing {
  readonly method: Method
  /** The name of the client, for people. */
  readonly target: string
  /** Serialised once, for all attempts; absent where the request is a stream. */
  readonly request: Buffer | undefined
  readonly requests: Requests | undefined
  readonly options: GrpcCallOptions
  readonly isIdempotent: boolean
  readonly retryStatuses: ReadonlySet<StatusName>
  readonly totalMs: number
  readonly attemptMs: number
  readonly channels: Channels
  readonly context: CallContext | undefined
  readonly trace: Context
  /** Of the whole call; absent while nobody traces. */
  readonly span: Span | undefined
  /** In `Clock.now()` milliseconds. */
  readonly startedAt: number
  readonly correlationHeader: string | undefined
  readonly metadata: MetadataInput | undefined
  /** Credentials for this attempt. */
  readonly authorize: ((metadata: Metadata, call: Call) => Promise<void>) | undefined
}

const SETTER: TextMapSetter<Metadata> = { set: (metadata, key, value) => metadata.set(key, value) }

/**
 * What an attempt sends beside its message: the client's and the call's own metadata, the correlation id, the trace context, the time that is
 * left (`grpc-timeout`, which the server counts down by its own clock) and the number of earlier attempts (gRFC A6).
 * @throws Error for metadata that cannot be sent
 */
export function metadataOf(outgoing: Outgoing, call: Call): Metadata {
  const { options, context, correlationHeader } = outgoing
  const metadata = new Metadata()
  if (outgoing.metadata !== undefined) addMetadata(metadata, outgoing.metadata)
  if (options.metadata !== undefined) addMetadata(metadata, options.metadata)
  if (context !== undefined) {
    const key = correlationHeader ?? context.correlationHeader ?? DEFAULT_CORRELATION_HEADER
    if (metadata.get(key).length === 0) metadata.set(key, context.correlationId)
  }
  propagation.inject(outgoing.trace, metadata, SETTER)
  if (call.attempt > 1) metadata.set('grpc-previous-rpc-attempts', String(call.attempt - 1))
  const { deadlineAt } = call
  if (deadlineAt !== Number.POSITIVE_INFINITY) metadata.set('grpc-timeout', timeoutText(deadlineAt - call.clock.now()))
  return metadata
}

/** At most eight digits: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests */
export function timeoutText(remainingMs: number): string {
  const ms = Math.max(1, Math.ceil(remainingMs))
  if (ms < 1e8) return `${ms}m`
  const seconds = Math.ceil(ms / 1000)
  return seconds < 1e8 ? `${seconds}S` : '99999999S'
}
