// Runs the service on its own, configured by the environment.
import { CommunicationConfig } from '@comm/config'
import { stopOnSignals } from '@comm/core'
import { createLogger } from '@comm/logging'
import type {} from '@comm/messaging-rabbit'
import { createNotificationService } from './service.ts'

const config = CommunicationConfig.load({ overrides: { serviceName: 'notification-service' } })
const logger = createLogger({ service: 'notification-service', level: config.logging.level, format: config.logging.format })
// All addresses, where others are to reach it: in a container.
const listen = { host: process.env.HOST ?? '127.0.0.1', port: Number(process.env.PORT ?? 0) }
const { manager, server } = await createNotificationService({ config, logger, ...listen })
stopOnSignals({ stop: () => manager.shutdown() })
await manager.initialize()
logger.info('listening', { url: server.url })
