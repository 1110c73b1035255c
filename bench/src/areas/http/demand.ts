import type { SetupInput } from '@comm/bench/area'

export const CORRELATION_HEADER = 'x-correlation-id'
export const CORRELATION_ID = 'bench-0123456789-0123456789'
export const CONNECTIONS = 100
export const TIMEOUT_MS = 10_000

interface Order {
  readonly orderId: string
  readonly customer: string
  readonly note: string
}

function orderOf(noteBytes: number): Order {
  const bare = { orderId: 'order-0123456789', customer: 'ada.lovelace@example.com', note: '' }
  return { ...bare, note: 'x'.repeat(noteBytes - JSON.stringify(bare).length) }
}

/** What the server answers, as JSON 200 bytes long. */
export const ANSWER: Order = orderOf(200)
/** What a POST sends, as JSON 1024 bytes long. */
export const SENT: Order = orderOf(1024)

export interface Demand {
  readonly origin: string
  readonly path: string
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** An object that each contender writes as JSON, for each request. */
  readonly json: Order | undefined
}

export function demandOf({ environment, parameters }: SetupInput): Demand {
  const origin = String(environment['url'])
  const method = parameters['method'] === 'POST' ? 'POST' : 'GET'
  const path = '/orders/7'
  return { origin, path, url: `${origin}${path}`, method, json: method === 'POST' ? SENT : undefined }
}

/** Throws when a contender was given something else. */
export function checkOrder(order: unknown): void {
  const { orderId, note } = order as Partial<Order>
  if (orderId !== ANSWER.orderId || note?.length !== ANSWER.note.length)
    throw new Error(`not the order that was asked for: ${JSON.stringify(order)}`)
}
