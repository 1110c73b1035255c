import { CommunicationConfig } from '@comm/config'
import { fastifyContract, fastifyRoute } from '@comm/contracts'
import { currentPrincipal, type Logger, RequestRefusedError } from '@comm/core'
import { commPlugin, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import { createMesh, type MeshOptions } from '@comm/mesh'
import Fastify from 'fastify'
import { getUser, userContract } from './contract.ts'
import { findUser } from './users.ts'

export interface UserServiceOptions {
  /** @default CommunicationConfig.from({ serviceName: 'users' }) */
  readonly config?: CommunicationConfig
  readonly logger: Logger
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default 0: any free port */
  readonly port?: number
  /** How it is among others, as `users`: where it is made known, who it is, who may call it. @default alone, without TLS */
  readonly mesh?: Omit<MeshOptions, 'service' | 'logger'>
}

export interface UserService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
  /** Answers take this much longer, in milliseconds. */
  slowDown(ms: number): void
}

/** Knows the users: `GET /users/:id`. */
export async function createUserService(options: UserServiceOptions): Promise<UserService> {
  const { config = CommunicationConfig.from({ serviceName: 'users' }), logger, host = '127.0.0.1', port = 0 } = options
  let delayMs = 0

  const mesh =
    options.mesh &&
    createMesh({ ...options.mesh, service: { name: 'users', host, port: () => Number(new URL(server.url).port) }, logger })
  const app = Fastify(mesh ? { serverFactory: (listener) => mesh.createServer(listener) } : {})
  const server = httpServerComponent(app.server, { port, host })
  const manager = new CommunicationManager(config, { logger, components: { server, ...(mesh && { mesh }) } })
  await app.register(commPlugin, { health: manager, logger })

  fastifyContract(app, userContract)
  fastifyRoute(app, getUser, async ({ params: { id } }) => {
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    const user = findUser(id)
    logger.info(user === undefined ? 'user not found' : 'user found', { id, caller: currentPrincipal()?.subject })
    if (user === undefined) throw new RequestRefusedError(`there is no user ${id}`, { status: 404 })
    return { status: 200, body: user }
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
