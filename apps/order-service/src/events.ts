import { type Topic, topic } from '@comm/messaging'
import { z } from 'zod'

export interface OrderCreated {
  readonly orderId: string
  readonly email: string
  readonly locale: string
  readonly payment: 'paid' | 'pending'
}

export const orderCreated: Topic<OrderCreated> = topic(
  'order.created',
  z.object({ orderId: z.string(), email: z.string(), locale: z.string(), payment: z.enum(['paid', 'pending']) }),
)
