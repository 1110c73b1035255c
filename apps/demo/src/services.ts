import { createNotificationService, GROUP, type NotificationService } from '@comm/app-notification-service'
import { createOrderService, type OrderService } from '@comm/app-order-service'
import { createPaymentService, type PaymentService } from '@comm/app-payment-service'
import { createUserService, type UserService } from '@comm/app-user-service'
import { CommunicationConfig } from '@comm/config'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { createGateway, type Gateway, type ServiceConfig } from '@comm/gateway'
import { CommunicationManager } from '@comm/manager'
import { createMesh, type MeshOptions } from '@comm/mesh'
import { MemoryBroker, MemoryServer } from '@comm/messaging'
import { createAuthority } from '@comm/testkit/servers'
import { IdentityProvider } from './identity-provider.ts'
import type { Journal } from './journal.ts'

/** The four services in this process, on the embedded broker and the embedded registry, and the gateway in front of them. */
export interface Services {
  readonly users: UserService
  readonly payments: PaymentService
  readonly orders: OrderService
  readonly notifications: NotificationService
  /** The only door: `/api/v1/orders` and `/api/v1/users`, for customers with a token. */
  readonly gateway: { readonly manager: CommunicationManager; readonly server: Gateway }
  readonly identityProvider: IdentityProvider
}

/** Failures in a row after which the order service stops asking for payments, and for how long. */
export const BREAKER = { failures: 3, openMs: 1000 } as const

/** Who a service is, to the others. */
export const identityOf = (service: string): string => `spiffe://shop.example/${service}`

type Membership = Pick<MeshOptions, 'discovery' | 'tls' | 'access'>

/** What a service needs in the mesh: a registry, a certificate that says who it is, and whom it lets in. */
type Join = (service: string, callers: readonly string[]) => Promise<Membership>

export async function startServices(journal: Journal): Promise<Services> {
  const server = new MemoryServer()
  const broker = (service: string, group?: string): MemoryBroker =>
    new MemoryBroker({
      server,
      source: `/${service}`,
      logger: journal.logger(service).child({ logger: 'messaging' }),
      ...(group && { group }),
    })

  const registry = new MemoryRegistryServer()
  const authority = await createAuthority()
  const join: Join = async (service, callers) => ({
    discovery: new MemoryRegistry({ server: registry }),
    tls: await authority.issue({ host: service, uris: [identityOf(service)] }),
    access: { allow: callers.map((caller) => ({ spiffeId: identityOf(caller) })) },
  })
  const identityProvider = new IdentityProvider()

  const users = await createUserService({
    logger: journal.logger('user-service'),
    mesh: await join('users', ['orders', 'gateway']),
  })
  const payments = createPaymentService({ logger: journal.logger('payment-service'), mesh: await join('payments', ['orders']) })
  const notifications = await createNotificationService({
    logger: journal.logger('notification-service'),
    components: { messaging: broker('notification-service', GROUP) },
  })
  await Promise.all([users.manager.initialize(), payments.manager.initialize(), notifications.manager.initialize()])

  const orders = await createOrderService({
    config: CommunicationConfig.from({ serviceName: 'orders' }),
    logger: journal.logger('order-service'),
    components: { messaging: broker('order-service') },
    mesh: {
      ...(await join('orders', ['gateway'])),
      policies: {
        payments: {
          retry: { maxRetries: 1, backoff: { type: 'constant', baseMs: 10 } },
          breaker: { consecutiveFailures: BREAKER.failures, openMs: BREAKER.openMs },
        },
      },
    },
    auth: identityProvider.gate('orders:write', journal.logger('order-service')),
  })
  await orders.manager.initialize()
  const gateway = await startGateway(await join('gateway', []), identityProvider, journal)
  return { users, payments, orders, notifications, gateway, identityProvider }
}

async function startGateway(
  membership: Membership,
  identityProvider: IdentityProvider,
  journal: Journal,
): Promise<Services['gateway']> {
  const logger = journal.logger('gateway')
  const mesh = createMesh({ ...membership, service: 'gateway', logger })
  const inMesh = async (service: string): Promise<ServiceConfig> => ({
    instances: await mesh.discovery.warm(service),
    protocol: 'https',
    tls: { ...membership.tls, serverName: service },
    path: false,
  })
  const prefix = { stripPrefix: '/api/v1' }
  const server = createGateway({
    host: '127.0.0.1',
    port: 0,
    logger,
    services: { orders: await inMesh('orders'), users: await inMesh('users') },
    routes: [
      { ...prefix, path: '/api/v1/orders/*', service: 'orders', auth: identityProvider.gate('orders:write', logger) },
      { ...prefix, path: '/api/v1/users/*', service: 'users', auth: identityProvider.gate('users:read', logger) },
    ],
  })
  const config = CommunicationConfig.from({ serviceName: 'gateway' })
  const manager = new CommunicationManager(config, { logger, components: { mesh, gateway: server } })
  await manager.initialize()
  return { manager, server }
}
