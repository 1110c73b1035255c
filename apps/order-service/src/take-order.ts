import { randomUUID } from 'node:crypto'
import {
  CircuitBreakerOpenError,
  ConnectionError,
  currentPrincipal,
  HttpStatusError,
  type Logger,
  ServiceUnavailableError,
  ValidationError,
} from '@comm/core'
import type { CommunicationManager } from '@comm/manager'
import type {} from '@comm/mesh/grpc'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import type { NewOrder, Order } from './contract.ts'
import { orderCreated } from './events.ts'

interface Customer {
  readonly email: string
  readonly locale: string
}

/** Looks the user up, takes the payment, and tells everybody. */
export async function takeOrder(manager: CommunicationManager, logger: Logger, { userId, amount }: NewOrder): Promise<Order> {
  const orderId = randomUUID()
  const { email, locale } = await findCustomer(manager, userId)
  const payment = await pay(manager, logger, orderId, amount)
  await manager.messaging.publish(orderCreated, { orderId, email, locale, payment }, { key: orderId })
  logger.info('order placed', { orderId, payment, customer: currentPrincipal()?.subject })
  return { orderId, userId, amount, payment }
}

async function findCustomer(manager: CommunicationManager, userId: string): Promise<Customer> {
  try {
    const response = await manager.mesh.call('users').get(`/users/${encodeURIComponent(userId)}`)
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
    // Safe to repeat, as its .proto says: the payment service charges an order once.
    const payments = await manager.mesh.grpc('payments', PaymentServiceDefinition)
    await payments.takePayment({ orderId, amount })
    return 'paid'
  } catch (error) {
    const isAway =
      error instanceof CircuitBreakerOpenError || error instanceof ServiceUnavailableError || error instanceof ConnectionError
    if (!isAway) throw error
    logger.warn('payment postponed', { orderId, reason: error.code })
    return 'pending'
  }
}
