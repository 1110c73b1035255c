import type { CommunicationConfig } from '@comm/config'
import { type Logger, ValidationError } from '@comm/core'
import { commPlugin, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager, type ManagerOptions } from '@comm/manager'
import Fastify from 'fastify'
import { placeOrder } from './place-order.ts'

export interface OrderServiceOptions {
  /** Names the HTTP clients `users` and `payments`. */
  readonly config: CommunicationConfig
  readonly logger: Logger
  /** @default 0: any free port */
  readonly port?: number
  /** Clients to use in place of the configured ones. */
  readonly components?: ManagerOptions['components']
}

export interface OrderService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
}

/** Takes orders: `POST /orders { userId, amount }`. */
export async function createOrderService({ config, logger, port = 0, components }: OrderServiceOptions): Promise<OrderService> {
  const app = Fastify()
  const server = httpServerComponent(app.server, { port, host: '127.0.0.1' })
  const manager = new CommunicationManager(config, { logger, components: { ...components, server } })
  await app.register(commPlugin, { health: manager, logger })

  app.post<{ Body: { userId?: unknown; amount?: unknown } | undefined }>('/orders', async (request, reply) => {
    const { userId, amount } = request.body ?? {}
    if (typeof userId !== 'string' || typeof amount !== 'number' || !(amount > 0)) {
      throw new ValidationError('an order needs userId (a string) and amount (a number above 0)')
    }
    reply.code(201)
    return placeOrder(manager, logger, userId, amount)
  })

  await app.ready()
  return { manager, server }
}
