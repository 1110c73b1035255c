import { AsyncLocalStorage } from 'node:async_hooks'
import type { PeerCertificate } from 'node:tls'
import {
  type CallContext,
  type Clock,
  CommunicationError,
  DEFAULT_CORRELATION_HEADER,
  isCorrelationId,
  newCorrelationId,
  type Principal,
  TimeoutError,
} from '@comm/core'
import type { Metadata, ServerInterceptor } from '@grpc/grpc-js'
import type { Metadata as NiceMetadata } from 'nice-grpc-common'
import { textOf } from '../metadata.ts'
import { toNiceMetadata } from '../nice-metadata.ts'

export type InterceptedBy = Parameters<ServerInterceptor>[1]

/** A call that a server answers. It is the call context that everything called meanwhile inherits. */
export class IncomingCall implements CallContext {
  /** `package.Service/Method`. */
  readonly method: string
  readonly correlationId: string
  readonly correlationHeader?: string
  /** In `Clock.now()` milliseconds. */
  readonly deadlineAt?: number
  /** Whom the call acts for: what `authenticate` of the server has returned. */
  principal: Principal | undefined = undefined
  /** The correlation id was made here, so that the caller does not know it yet. */
  readonly isCorrelatedHere: boolean
  readonly #call: InterceptedBy
  readonly #metadata: Metadata
  #controller: AbortController | undefined
  #reason: CommunicationError | undefined

  constructor(method: string, metadata: Metadata, call: InterceptedBy, correlationHeader: string, clock: Clock) {
    this.method = method
    this.#call = call
    this.#metadata = metadata
    const received = textOf(metadata, correlationHeader)
    this.isCorrelatedHere = !isCorrelationId(received)
    this.correlationId = isCorrelationId(received) ? received : newCorrelationId()
    if (correlationHeader !== DEFAULT_CORRELATION_HEADER) this.correlationHeader = correlationHeader
    const deadline = call.getDeadline()
    if (deadline !== Number.POSITIVE_INFINITY) this.deadlineAt = clock.now() + (Number(deadline) - Date.now())
  }

  /** Aborts when the caller has gone away, its deadline has passed or the server stops. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get metadata(): NiceMetadata {
    return toNiceMetadata(this.#metadata)
  }

  /** The text under a key of the metadata; undefined when there is none, or several: which of them would count? */
  header(key: string): string | undefined {
    const values = this.#metadata.get(key)
    return values.length === 1 && typeof values[0] === 'string' ? values[0] : undefined
  }

  /** The address of the caller, as nice-grpc names it. */
  get peer(): string {
    return this.#call.getPeer()
  }

  /** The same as the gates of `@comm/security` name it. */
  get address(): string {
    return this.peer
  }

  /** The certificate of the caller in DER; a connection whose certificate cannot be verified is never made. */
  get certificate(): { readonly raw: Uint8Array; readonly isVerified: true } | undefined {
    const raw = this.peerCertificate?.raw
    return raw === undefined ? undefined : { raw, isVerified: true }
  }

  /** The same with its parts read. */
  get peerCertificate(): PeerCertificate | undefined {
    const { sslPeerCertificate } = this.#call.getAuthContext()
    return sslPeerCertificate === undefined || Object.keys(sslPeerCertificate).length === 0 ? undefined : sslPeerCertificate
  }

  get isDeadlineOver(): boolean {
    return Number(this.#call.getDeadline()) <= Date.now()
  }

  /** Nobody waits for the answer any more. */
  abort(reason: CommunicationError = this.#gone()): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }

  #gone(): CommunicationError {
    if (this.isDeadlineOver) {
      const message = `the deadline of ${this.method} passed before it was answered`
      return new TimeoutError(message, { code: 'COMM_DEADLINE_EXCEEDED' })
    }
    return new CommunicationError(`the client went away before ${this.method} was answered`, { code: 'COMM_ABORTED' })
  }
}

export const incomingCalls: AsyncLocalStorage<IncomingCall> = new AsyncLocalStorage()

/** The call that is being answered, or undefined outside of any. */
export function incomingCall(): IncomingCall | undefined {
  return incomingCalls.getStore()
}
