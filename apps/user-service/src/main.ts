// Runs the service on its own, configured by the environment.
import { CommunicationConfig } from '@comm/config'
import { stopOnSignals } from '@comm/core'
import { createLogger } from '@comm/logging'
import { createUserService } from './service.ts'

const config = CommunicationConfig.load({ overrides: { serviceName: 'user-service' } })
const logger = createLogger({ service: 'user-service', level: config.logging.level, format: config.logging.format })
const { manager, server } = await createUserService({ config, logger, port: Number(process.env.PORT ?? 0) })
stopOnSignals({ stop: () => manager.shutdown() })
await manager.initialize()
logger.info('listening', { url: server.url })
