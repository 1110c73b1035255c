import { type Cancellation, CommunicationError } from '@comm/core'
import type { TransportRequest } from './transport.ts'
import { displayUrl } from './url.ts'

/** Counts the exchanges of a transport, so that its disposal can wait for them. */
export class InFlight {
  #count = 0
  #isClosed = false
  #drained: (() => void) | undefined

  /** One more; `ended` must follow. @throws CommunicationError COMM_CLOSED; the reason of the cancellation */
  begin({ method, url }: TransportRequest, cancellation: Cancellation | undefined): void {
    if (this.#isClosed) {
      throw new CommunicationError(`${method} ${displayUrl(url)} was not sent: the client is closed`, { code: 'COMM_CLOSED' })
    }
    if (cancellation?.aborted) throw cancellation.reason
    this.#count++
  }

  readonly ended = (): void => {
    this.#count--
    if (this.#count === 0) this.#drained?.()
  }

  /** Refuses new ones. Resolves when none is under way. To be called once. */
  async drain(): Promise<void> {
    this.#isClosed = true
    if (this.#count > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
  }
}
