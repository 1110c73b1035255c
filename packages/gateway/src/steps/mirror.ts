import type { ClientExchange } from '../exchange/client-exchange.ts'
import type { AnswerReceiver } from '../upstream/receiver.ts'
import { resolveTimeouts, type Timeouts } from '../upstream/timeouts.ts'
import type { Upstream } from '../upstream/upstream.ts'
import { UpstreamCall } from '../upstream/upstream-call.ts'
import type { RouteStep } from './step.ts'
import { MOST_HOOKED_BYTES } from './transform.ts'

export interface MirrorConfig {
  readonly service: string
  /** Share of the requests; 0 to 1. @default 1 */
  readonly ratio?: number
}

/** More of an answer is not read. */
const MOST_DISCARDED_BYTES = 1024 * 1024

export interface MirrorParts {
  readonly upstream: Upstream
  readonly ratio: number
  readonly timeouts: Timeouts
  /** Aborts when the gateway closes, which waits for no mirror. */
  readonly closing: AbortSignal
}

/**
 * Shows another service the same requests, each once; nobody waits for its answers, which are read and thrown away up to 1 MiB. Requests
 * with a body longer than 1 MiB are not shown.
 */
export function mirrorStep({ upstream, ratio, timeouts: own, closing }: MirrorParts): RouteStep {
  // A stream of events would go on after its client has left.
  const timeouts = resolveTimeouts(own, { totalMs: Math.min(own.totalMs, own.responseMs + own.idleMs) })
  const send = (exchange: ClientExchange, body: Buffer | undefined): void => {
    if (closing.aborted) return
    const answer = new DiscardedAnswer((error) => exchange.parts.logger.debug(`the mirror ${upstream.name} failed`, { error }))
    const call = new UpstreamCall(upstream, { ...exchange.outbound(), body, timeouts }, answer, false)
    answer.onMuch = () => call.abort()
    answer.onOver = call.abortWith(closing)
    call.start()
  }
  return {
    name: 'mirror',
    enter(exchange: ClientExchange): boolean | Promise<boolean> {
      if (exchange.isUpgrade) return false
      if (ratio < 1 && exchange.parts.random() >= ratio) return false
      const { hasBody, contentLength } = exchange.asked
      if (!hasBody) {
        send(exchange, undefined)
        return false
      }
      // Only a body whose length is known beforehand is read before it goes on.
      if (exchange.isBodyRead) send(exchange, exchange.bytes)
      else if (contentLength === undefined || contentLength > MOST_HOOKED_BYTES) return false
      else {
        return exchange.readBody(MOST_HOOKED_BYTES).then((whole) => {
          exchange.replaceBody(whole)
          send(exchange, whole)
          return false
        })
      }
      return false
    },
  }
}

class DiscardedAnswer implements AnswerReceiver {
  readonly #onFailure: (error: unknown) => void
  #bytes = 0
  onMuch: () => void = () => undefined
  onOver: () => void = () => undefined

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  head(): void {}

  data(chunk: Buffer): boolean {
    this.#bytes += chunk.byteLength
    if (this.#bytes > MOST_DISCARDED_BYTES) this.onMuch()
    return true
  }

  end(): void {
    this.onOver()
  }

  fail(error: unknown): void {
    this.onOver()
    if (this.#bytes <= MOST_DISCARDED_BYTES) this.#onFailure(error)
  }
}
