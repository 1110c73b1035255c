import { type Call, type CommunicationError, notify, ValidationError } from '@comm/core'
import type { Instance } from '@comm/core/balancing'
import type { ClientReadableStream, ClientUnaryCall, Metadata, ServiceError, StatusObject } from '@grpc/grpc-js'
import { fromStatus } from '../errors/from-status.ts'
import { toNiceMetadata } from '../nice-metadata.ts'
import type { InstanceChannel } from './channels.ts'
import { metadataOf, type Outgoing } from './outgoing.ts'

type SurfaceCall = ClientUnaryCall | ClientReadableStream<unknown>

/** What all four kinds of call have in common: one try of a call at one instance. */
export class Attempt {
  readonly outgoing: Outgoing
  readonly channel: InstanceChannel
  readonly #signal: AbortSignal
  #surface: SurfaceCall | undefined
  #isCommitted = false
  #isOver = false
  #stop: AbortController | undefined

  /** @throws CommunicationError COMM_CLOSED */
  constructor(outgoing: Outgoing, call: Call) {
    this.outgoing = outgoing
    this.#signal = call.signal
    this.channel = outgoing.channels.of(call.target as Instance | undefined)
    this.channel.begin()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Aborts with the attempt, for what writes its requests. */
  get stopped(): AbortSignal {
    this.#stop ??= new AbortController()
    return this.#stop.signal
  }

  /** Follows the call that has just been made. */
  follow(surface: SurfaceCall): void {
    this.#surface = surface
    surface.on('metadata', this.#committed)
    const { onTrailer } = this.outgoing.options
    if (onTrailer !== undefined)
      surface.on('status', ({ metadata }: StatusObject) => notify('onTrailer', onTrailer, toNiceMetadata(metadata)))
    if (this.#signal.aborted) this.cancel()
    else this.#signal.addEventListener('abort', this.cancel)
  }

  readonly cancel = (): void => {
    this.#surface?.cancel()
  }

  /** From here on the signal of the attempt ends nothing any more. */
  unbind(): void {
    this.#signal.removeEventListener('abort', this.cancel)
  }

  /** The call has ended; gives its place back. Idempotent. */
  over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.unbind()
    this.channel.end()
    this.#stop?.abort()
  }

  errorOf({ code, details, metadata }: Pick<ServiceError, 'code' | 'details' | 'metadata'>): CommunicationError {
    return fromStatus({
      code,
      message: details,
      trailers: metadata,
      method: this.outgoing.method.fullName,
      target: this.channel.target,
      isCommitted: this.#isCommitted,
      retryStatuses: this.outgoing.retryStatuses,
    })
  }

  readonly #committed = (header: Metadata): void => {
    this.#isCommitted = true
    this.outgoing.requests?.commit()
    const { onHeader } = this.outgoing.options
    if (onHeader !== undefined) notify('onHeader', onHeader, toNiceMetadata(header))
  }
}

/** Makes an attempt with what `begin` does, once the metadata is complete. A failure to begin gives the place back. */
export function attempt<Result>(
  outgoing: Outgoing,
  call: Call,
  begin: (attempt: Attempt, metadata: Metadata) => Promise<Result>,
): Promise<Result> {
  const made = new Attempt(outgoing, call)
  const start = (): Promise<Result> => {
    let metadata: Metadata
    try {
      metadata = metadataOf(outgoing, call)
    } catch (cause) {
      throw new ValidationError(`${outgoing.method.fullName} was not called: ${(cause as Error).message}`, { cause })
    }
    if (outgoing.authorize === undefined) return begin(made, metadata)
    const { signal } = call
    return outgoing.authorize(metadata, call).then(() => {
      signal.throwIfAborted()
      return begin(made, metadata)
    })
  }
  try {
    const result = start()
    if (outgoing.authorize !== undefined) result.catch(() => made.over())
    return result
  } catch (error) {
    made.over()
    throw error
  }
}
