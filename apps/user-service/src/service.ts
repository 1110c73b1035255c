import { CommunicationConfig } from '@comm/config'
import type { Logger } from '@comm/core'
import { commPlugin, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import Fastify from 'fastify'
import { findUser } from './users.ts'

export interface UserServiceOptions {
  /** @default CommunicationConfig.from({ serviceName: 'user-service' }) */
  readonly config?: CommunicationConfig
  readonly logger: Logger
  /** @default 0: any free port */
  readonly port?: number
}

export interface UserService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
  /** Answers take this much longer, in milliseconds. */
  slowDown(ms: number): void
}

/** Knows the users: `GET /users/:id`. */
export async function createUserService(options: UserServiceOptions): Promise<UserService> {
  const { config = CommunicationConfig.from({ serviceName: 'user-service' }), logger, port = 0 } = options
  let delayMs = 0

  const app = Fastify()
  const server = httpServerComponent(app.server, { port, host: '127.0.0.1' })
  const manager = new CommunicationManager(config, { logger, components: { server } })
  await app.register(commPlugin, { health: manager, logger })

  app.get<{ Params: { id: string } }>('/users/:id', async (request, reply) => {
    const { id } = request.params
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    const user = findUser(id)
    logger.info(user === undefined ? 'user not found' : 'user found', { id })
    return user ?? reply.code(404).send({ title: `there is no user ${id}`, status: 404 })
  })

  await app.ready()
  return {
    manager,
    server,
    slowDown: (ms) => {
      delayMs = ms
    },
  }
}
