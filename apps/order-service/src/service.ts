import type { CommunicationConfig } from '@comm/config'
import { fastifyContract, fastifyRoute } from '@comm/contracts'
import type { Logger } from '@comm/core'
import { commPlugin, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager, type ManagerOptions } from '@comm/manager'
import { createMesh, type MeshOptions } from '@comm/mesh'
import type { Gate } from '@comm/security'
import { authPlugin } from '@comm/security/http'
import Fastify from 'fastify'
import { orderContract, placeOrder } from './contract.ts'
import { takeOrder } from './take-order.ts'

export interface OrderServiceOptions {
  /** Where there is no `mesh`: how `users` and `payments` are found, and called. */
  readonly config: CommunicationConfig
  readonly logger: Logger
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default 0: any free port */
  readonly port?: number
  /** How it is among others, as `orders`: where it is made known and finds them, who it is, who may call it. @default by `config` */
  readonly mesh?: Omit<MeshOptions, 'service' | 'logger'>
  /** For whom it takes orders. @default anybody */
  readonly auth?: Gate
  /** Clients to use in place of the configured ones. */
  readonly components?: ManagerOptions['components']
}

export interface OrderService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
}

/** Takes orders: see `orderContract`. */
export async function createOrderService(options: OrderServiceOptions): Promise<OrderService> {
  const { config, logger, host = '127.0.0.1', port = 0, auth } = options
  const mesh =
    options.mesh &&
    createMesh({ ...options.mesh, service: { name: 'orders', host, port: () => Number(new URL(server.url).port) }, logger })
  const app = Fastify(mesh ? { serverFactory: (listener) => mesh.createServer(listener) } : {})
  const server = httpServerComponent(app.server, { port, host })
  const components = { ...options.components, server, ...(mesh && { mesh }) }
  const manager = new CommunicationManager(config, { logger, components })
  await app.register(commPlugin, { health: manager, logger })
  if (auth) await app.register(authPlugin, { gate: auth })

  fastifyContract(app, orderContract)
  fastifyRoute(app, placeOrder, async ({ body }) => ({ status: 201, body: await takeOrder(manager, logger, body) }))

  await app.ready()
  return { manager, server }
}
