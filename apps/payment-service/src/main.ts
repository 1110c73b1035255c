// Runs the service on its own, configured by the environment.
import { CommunicationConfig } from '@comm/config'
import { stopOnSignals } from '@comm/core'
import { createLogger } from '@comm/logging'
import { createPaymentService } from './service.ts'

const config = CommunicationConfig.load({ overrides: { serviceName: 'payment-service' } })
const logger = createLogger({ service: 'payment-service', level: config.logging.level, format: config.logging.format })
const { manager, server } = await createPaymentService({ config, logger, port: Number(process.env.PORT ?? 0) })
stopOnSignals({ stop: () => manager.shutdown() })
await manager.initialize()
logger.info('listening', { url: server.url })
