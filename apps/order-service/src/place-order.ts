import { randomUUID } from 'node:crypto'
import { CircuitBreakerOpenError, HttpStatusError, type Logger, ServiceUnavailableError, ValidationError } from '@comm/core'
import type {} from '@comm/http'
import type { CommunicationManager } from '@comm/manager'
import { orderCreated } from './events.ts'

export interface Order {
  readonly orderId: string
  readonly userId: string
  readonly amount: number
  /** `pending`: the payment service could not be reached; the order stands, and is charged later. */
  readonly payment: 'paid' | 'pending'
}

interface Customer {
  readonly email: string
  readonly locale: string
}

/** Looks the user up, takes the payment, and tells everybody. */
export async function placeOrder(manager: CommunicationManager, logger: Logger, userId: string, amount: number): Promise<Order> {
  const orderId = randomUUID()
  const { email, locale } = await findCustomer(manager, userId)
  const payment = await pay(manager, logger, orderId, amount)
  await manager.messaging.publish(orderCreated, { orderId, email, locale, payment }, { key: orderId })
  logger.info('order placed', { orderId, payment })
  return { orderId, userId, amount, payment }
}

async function findCustomer(manager: CommunicationManager, userId: string): Promise<Customer> {
  try {
    const response = await manager.httpClient('users').get(`/users/${encodeURIComponent(userId)}`)
    return response.json<Customer>()
  } catch (error) {
    if (error instanceof HttpStatusError && error.status === 404)
      throw new ValidationError(`there is no user ${userId}`, { cause: error })
    throw error
  }
}

/** The payment service may be away: then the order is taken all the same, and paid later. */
async function pay(manager: CommunicationManager, logger: Logger, orderId: string, amount: number): Promise<'paid' | 'pending'> {
  try {
    // The key makes the request safe to repeat: the payment service charges an order once.
    await manager.httpClient('payments').post('/payments', { json: { orderId, amount }, headers: { 'idempotency-key': orderId } })
    return 'paid'
  } catch (error) {
    if (!(error instanceof CircuitBreakerOpenError || error instanceof ServiceUnavailableError)) throw error
    logger.warn('payment postponed', { orderId, reason: error.code })
    return 'pending'
  }
}
