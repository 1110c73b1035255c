import { createServer } from 'node:http'
import { CommunicationConfig } from '@comm/config'
import { contractHandler } from '@comm/contracts'
import { constantBackoff, type Logger } from '@comm/core'
import { contextHandler, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager, type ManagerOptions } from '@comm/manager'
import { listMails, notificationContract, orderCreated } from './contract.ts'
import { Mailer } from './mailer.ts'

export interface NotificationServiceOptions {
  /** @default CommunicationConfig.from({ serviceName: 'notification-service' }) */
  readonly config?: CommunicationConfig
  readonly logger: Logger
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default 0: any free port */
  readonly port?: number
  /** Clients to use in place of the configured ones. */
  readonly components?: ManagerOptions['components']
}

export interface NotificationService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
  readonly mailer: Mailer
}

export const GROUP = 'notifications'

/** Writes to customers when they have ordered; `GET /mails` shows what was sent. */
export async function createNotificationService(options: NotificationServiceOptions): Promise<NotificationService> {
  const {
    config = CommunicationConfig.from({ serviceName: 'notification-service' }),
    logger,
    host = '127.0.0.1',
    port = 0,
    components,
  } = options
  const mailer = new Mailer()

  const http = createServer()
  const server = httpServerComponent(http, { port, host })
  const manager = new CommunicationManager(config, { logger, components: { ...components, server } })
  const answerContract = contractHandler(notificationContract)
  const answer = contextHandler(
    (request, response) => {
      if (answerContract(request, response)) return
      if (request.method !== listMails.method || request.url !== listMails.path) return void response.writeHead(404).end()
      response.setHeader('content-type', 'application/json').end(JSON.stringify(mailer.sent))
    },
    { health: manager, logger },
  )
  http.on('request', answer)

  // Declared before the manager is initialised: it starts with it.
  void manager.messaging.subscribe(
    orderCreated,
    ({ orderId, email, locale }, { attempt }) => {
      mailer.send({ to: email, locale, orderId })
      logger.info('customer notified', { orderId, attempt })
    },
    { group: GROUP, retry: { maxAttempts: 5, backoff: constantBackoff({ baseMs: 100, jitter: 0 }) } },
  )
  return { manager, server, mailer }
}
