import { contract, type Route, route, type ServiceContract } from '@comm/contracts'
import { z } from 'zod'
import { orderCreated } from './events.ts'

export interface NewOrder {
  readonly userId: string
  readonly amount: number
}

export interface Order extends NewOrder {
  readonly orderId: string
  /** `pending`: the payment service could not be reached; the order stands, and is charged later. */
  readonly payment: 'paid' | 'pending'
}

const newOrder = z.object({ userId: z.string().min(1), amount: z.number().positive() })

export const placeOrder: Route<{ body: NewOrder; answers: { 201: Order } }> = route({
  id: 'placeOrder',
  method: 'POST',
  path: '/orders',
  summary: 'Places an order, takes the payment and tells everybody',
  body: newOrder.meta({ title: 'NewOrder' }),
  answers: {
    201: z
      .object({
        ...newOrder.shape,
        orderId: z.string(),
        payment: z.enum(['paid', 'pending']).describe('pending: the order stands, and is charged later'),
      })
      .meta({ title: 'Order' }),
  },
  problems: { 400: 'The order is not as it must be, or there is no such user', 503: 'The users cannot be asked now' },
})

/** What others may rely on; `comm docs` writes it to `openapi.json` and `asyncapi.json`. */
export const orderContract: ServiceContract = contract({
  title: 'order-service',
  version: '1.0.0',
  description: 'Takes orders.',
  routes: [placeOrder],
  sends: [orderCreated],
})
