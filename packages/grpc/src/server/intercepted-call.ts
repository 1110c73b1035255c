import { type Clock, CommunicationError, type Logger, runInContext } from '@comm/core'
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js'
import { type Context, context, propagation, type Span, type TextMapGetter, trace } from '@opentelemetry/api'
import { type StatusName, statusName } from '../status.ts'
import type { RpcTelemetry } from '../telemetry/rpc-telemetry.ts'
import { IncomingCall, type InterceptedBy, incomingCalls } from './incoming-call.ts'

type Listener = Parameters<ServerInterceptingCall['start']>[0]
type Status = Parameters<ServerInterceptingCall['sendStatus']>[0]

export interface InterceptionParts {
  readonly telemetry: RpcTelemetry
  readonly clock: Clock
  readonly logger: Logger
  readonly correlationHeader: string
  /** The calls that are being answered. */
  readonly open: Set<InterceptedCall>
  readonly whenEnded: () => void
}

const GETTER: TextMapGetter<Metadata> = {
  keys: (metadata) => Object.keys(metadata.toJSON()),
  get: (metadata, key) => {
    const [value] = metadata.get(key)
    return typeof value === 'string' ? value : undefined
  },
}

/** What grpc-js tells of a call and is told about it passes here: the context is restored, and what became of the call is seen. */
export class InterceptedCall extends ServerInterceptingCall {
  readonly #next: InterceptedBy
  readonly #method: string
  readonly #isRequestStream: boolean
  readonly #parts: InterceptionParts
  readonly #startedAt: number
  #incoming: IncomingCall | undefined
  #span: Span | undefined
  #trace: Context | undefined
  #hasSentMetadata = false
  #hasEnded = false

  constructor(method: string, isRequestStream: boolean, next: InterceptedBy, parts: InterceptionParts) {
    super(next)
    this.#method = method
    this.#isRequestStream = isRequestStream
    this.#next = next
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    parts.open.add(this)
  }

  override start(listener: Listener): void {
    this.#next.start({
      onReceiveMetadata: (metadata: Metadata) => {
        this.#receive(metadata)
        // grpc-js begins to answer with the metadata, or, without a request stream, with the whole request.
        if (this.#isRequestStream) this.#run(() => listener.onReceiveMetadata(metadata))
        else listener.onReceiveMetadata(metadata)
      },
      onReceiveMessage: (message: unknown) => listener.onReceiveMessage(message),
      onReceiveHalfClose: () => this.#run(() => listener.onReceiveHalfClose()),
      onCancel: () => {
        if (!this.#hasEnded) {
          this.#incoming?.abort()
          this.#end(this.#incoming?.isDeadlineOver ? 'DEADLINE_EXCEEDED' : 'CANCELLED')
        }
        listener.onCancel()
      },
    })
    // A caller that has gone already is not even told of: its metadata never comes.
    if (this.#incoming === undefined) this.#end('CANCELLED')
  }

  override sendMetadata(metadata: Metadata): void {
    this.#correlate(metadata)
    this.#hasSentMetadata = true
    this.#next.sendMetadata(metadata)
  }

  override sendMessage(message: unknown, callback: () => void): void {
    if (!this.#hasSentMetadata && this.#incoming?.isCorrelatedHere) this.sendMetadata(new Metadata())
    this.#next.sendMessage(message, callback)
  }

  override sendStatus(ending: Status): void {
    this.#end(statusName(ending.code))
    this.#next.sendStatus(ending)
  }

  override startRead(): void {
    this.#next.startRead()
  }

  /** Ends the call from the server's side. The headers go first, since it has begun: for clients that repeat what ends without them (gRFC A6). */
  stop(why: string): void {
    if (this.#hasEnded) return
    if (!this.#hasSentMetadata) this.sendMetadata(new Metadata())
    this.#incoming?.abort(new CommunicationError(why, { code: 'COMM_ABORTED' }))
    this.sendStatus({ code: status.UNAVAILABLE, details: why, metadata: null })
  }

  #receive(metadata: Metadata): void {
    const { correlationHeader, clock, telemetry } = this.#parts
    this.#incoming = new IncomingCall(this.#method, metadata, this.#next, correlationHeader, clock)
    const outer = context.active()
    // An instrumentation may have restored the trace already.
    const parent = trace.getSpan(outer) === undefined ? propagation.extract(outer, metadata, GETTER) : outer
    this.#span = telemetry.startSpan(this.#method, parent)
    if (this.#span !== undefined) this.#trace = trace.setSpan(parent, this.#span)
    else if (parent !== outer) this.#trace = parent
  }

  #run(fn: () => void): void {
    const incoming = this.#incoming as IncomingCall
    const inCall = (): void => incomingCalls.run(incoming, runInContext<void>, incoming, fn)
    if (this.#trace === undefined) inCall()
    else context.with(this.#trace, inCall)
  }

  /** The caller learns an id that it did not give itself. */
  #correlate(metadata: Metadata): void {
    if (this.#incoming?.isCorrelatedHere) metadata.set(this.#parts.correlationHeader, this.#incoming.correlationId)
  }

  #end(ended: StatusName): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const { open, whenEnded, telemetry, clock, logger } = this.#parts
    open.delete(this)
    const durationMs = clock.now() - this.#startedAt
    // A caller that was gone before its metadata came was never begun with.
    if (this.#incoming !== undefined) telemetry.end(this.#span, this.#method, ended, durationMs)
    if (logger.isEnabled('debug')) {
      const fields = { status: ended, durationMs: Math.round(durationMs), correlationId: this.#incoming?.correlationId }
      logger.debug(`${this.#method} was answered ${ended}`, fields)
    }
    if (open.size === 0) whenEnded()
  }
}

export function interception(parts: InterceptionParts): ServerInterceptor {
  return ({ path, requestStream }, next) => new InterceptedCall(path.slice(1), requestStream, next, parts)
}
