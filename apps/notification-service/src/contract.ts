import { contract, type Route, route, type ServiceContract } from '@comm/contracts'
import { type Topic, topic } from '@comm/messaging'
import { z } from 'zod'
import type { Confirmation, Mail } from './mailer.ts'

/** Of an order this service reads only what it needs. */
export const orderCreated: Topic<unknown, Omit<Confirmation, 'to'> & { readonly email: string }> = topic(
  'order.created',
  z.object({ orderId: z.string(), email: z.string(), locale: z.string() }),
)

export const listMails: Route<{ answers: { 200: readonly Mail[] } }> = route({
  id: 'listMails',
  method: 'GET',
  path: '/mails',
  summary: 'Shows what was sent',
  answers: { 200: z.array(z.object({ to: z.string(), text: z.string() })) },
})

/** What others may rely on; `comm docs` writes it to `openapi.json` and `asyncapi.json`. */
export const notificationContract: ServiceContract = contract({
  title: 'notification-service',
  version: '1.0.0',
  description: 'Writes to customers when they have ordered.',
  routes: [listMails],
  receives: [orderCreated],
})
