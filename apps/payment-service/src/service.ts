import { CommunicationConfig } from '@comm/config'
import { type Logger, ServiceUnavailableError, ValidationError } from '@comm/core'
import { commPlugin, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import Fastify from 'fastify'
import { Ledger } from './ledger.ts'

export interface PaymentServiceOptions {
  /** @default CommunicationConfig.from({ serviceName: 'payment-service' }) */
  readonly config?: CommunicationConfig
  readonly logger: Logger
  /** @default 0: any free port */
  readonly port?: number
}

export interface PaymentService {
  readonly manager: CommunicationManager
  readonly server: HttpServerComponent
  readonly ledger: Ledger
  /** Requests for a payment so far, refused ones included. */
  readonly requests: number
  /** While it is out of order every payment is answered 503. `POST /faults { "outOfOrder": true }` does the same. */
  outOfOrder: boolean
}

/** Takes payments: `POST /payments { orderId, amount }`. */
export async function createPaymentService(options: PaymentServiceOptions): Promise<PaymentService> {
  const { config = CommunicationConfig.from({ serviceName: 'payment-service' }), logger, port = 0 } = options
  const ledger = new Ledger()
  const state = { outOfOrder: false, requests: 0 }

  const app = Fastify()
  const server = httpServerComponent(app.server, { port, host: '127.0.0.1' })
  const manager = new CommunicationManager(config, { logger, components: { server } })
  await app.register(commPlugin, { health: manager, logger })

  app.post<{ Body: { orderId?: unknown; amount?: unknown } | undefined }>('/payments', async (request) => {
    state.requests++
    if (state.outOfOrder) throw new ServiceUnavailableError('the bank does not answer')
    const { orderId, amount } = request.body ?? {}
    if (typeof orderId !== 'string' || typeof amount !== 'number') {
      throw new ValidationError('a payment needs orderId (a string) and amount (a number)')
    }
    logger.info('payment taken', { orderId, amount })
    return ledger.charge({ orderId, amount })
  })

  app.post<{ Body: { outOfOrder?: unknown } | undefined }>('/faults', async (request) => {
    state.outOfOrder = request.body?.outOfOrder === true
    return { outOfOrder: state.outOfOrder }
  })

  await app.ready()
  return {
    manager,
    server,
    ledger,
    get requests() {
      return state.requests
    },
    get outOfOrder() {
      return state.outOfOrder
    },
    set outOfOrder(value) {
      state.outOfOrder = value
    },
  }
}
