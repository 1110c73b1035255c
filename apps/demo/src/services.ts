import { createNotificationService, GROUP, type NotificationService } from '@comm/app-notification-service'
import { createOrderService, type OrderService } from '@comm/app-order-service'
import { createPaymentService, type PaymentService } from '@comm/app-payment-service'
import { createUserService, type UserService } from '@comm/app-user-service'
import { CommunicationConfig } from '@comm/config'
import { MemoryBroker, MemoryServer } from '@comm/messaging'
import type { Journal } from './journal.ts'

/** The four services in this process, on the embedded broker. */
export interface Services {
  readonly users: UserService
  readonly payments: PaymentService
  readonly orders: OrderService
  readonly notifications: NotificationService
}

/** Failures in a row after which the order service stops asking for payments, and for how long. */
export const BREAKER = { failures: 3, openMs: 400 } as const

export async function startServices(journal: Journal): Promise<Services> {
  const server = new MemoryServer()
  const broker = (service: string, group?: string): MemoryBroker =>
    new MemoryBroker({
      server,
      source: `/${service}`,
      logger: journal.logger(service).child({ logger: 'messaging' }),
      ...(group && { group }),
    })

  const users = await createUserService({ logger: journal.logger('user-service') })
  const payments = await createPaymentService({ logger: journal.logger('payment-service') })
  const notifications = await createNotificationService({
    logger: journal.logger('notification-service'),
    components: { messaging: broker('notification-service', GROUP) },
  })
  await Promise.all([users.manager.initialize(), payments.manager.initialize(), notifications.manager.initialize()])

  const orders = await createOrderService({
    config: CommunicationConfig.from({
      serviceName: 'order-service',
      httpClients: {
        users: { baseUrl: users.server.url },
        payments: {
          baseUrl: payments.server.url,
          retry: { maxRetries: 1, baseDelayMs: 10 },
          circuitBreaker: { failureThreshold: BREAKER.failures, recoveryTimeoutMs: BREAKER.openMs },
        },
      },
    }),
    logger: journal.logger('order-service'),
    components: { messaging: broker('order-service') },
  })
  await orders.manager.initialize()
  return { users, payments, orders, notifications }
}
