import type { Order } from './generated/bench/v1/orders.ts'

export const ORDER_ID = 'order-0123456789'

/** What every server answers. */
export function orderOf(orderId: string): Order {
  const lines = ['keyboard, black', 'mouse, wireless', 'screen, 27 inches', 'cable, 2 metres'].map((article, at) => {
    return { article: `${article} #${at}`, quantity: 1 + at, price: 19.9 * (1 + at) }
  })
  return { orderId, customer: 'ada.lovelace@example.com', lines, paid: true }
}

/** Throws when a contender was given something else. */
export function checkOrder(order: unknown): void {
  const { orderId, lines } = order as Partial<Order>
  if (orderId !== ORDER_ID || lines?.length !== 4) throw new Error(`not the order that was asked for: ${JSON.stringify(order)}`)
}

/** What every client sends with a unary call, made anew for each. */
export const TIMEOUT_MS = 5000
export const CORRELATION_KEY = 'x-correlation-id'
export const CORRELATION_ID = 'bench-0123456789-0123456789'
