import type { ClientExchange } from '../exchange/client-exchange.ts'
import { collect } from '../upstream/collect.ts'
import type { Timeouts } from '../upstream/timeouts.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { RouteStep } from './step.ts'
import { MOST_HOOKED_BYTES } from './transform.ts'

export interface MirrorConfig {
  readonly service: string
  /** Share of the requests; 0 to 1. @default 1 */
  readonly ratio?: number
}

/** Shows another service the same requests; nobody waits for its answers. Requests with a body longer than 1 MiB are not shown. */
export function mirrorStep(upstream: Upstream, ratio: number, timeouts: Timeouts): RouteStep {
  const send = (exchange: ClientExchange, body: Buffer | undefined): void => {
    const request = { ...exchange.outbound(), body, timeouts }
    collect(upstream, request, Number.POSITIVE_INFINITY).catch((error: unknown) =>
      exchange.parts.logger.debug(`the mirror ${upstream.name} failed`, { error }),
    )
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
