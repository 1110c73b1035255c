import { CommunicationConfig } from '@comm/config'
import { currentPrincipal, type Logger, ServiceUnavailableError, ValidationError } from '@comm/core'
import { type GrpcCallContext, GrpcServer } from '@comm/grpc'
import { CommunicationManager } from '@comm/manager'
import { createMesh, type MeshOptions } from '@comm/mesh'
import { descriptors } from '@comm/protos/descriptors'
import { PaymentServiceDefinition, type TakePaymentRequest } from '@comm/protos/payments/v1'
import { Ledger } from './ledger.ts'

export interface PaymentServiceOptions {
  /** @default CommunicationConfig.from({ serviceName: 'payments' }) */
  readonly config?: CommunicationConfig
  readonly logger: Logger
  /** @default '127.0.0.1' */
  readonly host?: string
  /** @default 0: any free port */
  readonly port?: number
  /** How it is among others, as `payments`: where it is made known, who it is, who may call it. @default alone, without TLS */
  readonly mesh?: Omit<MeshOptions, 'service' | 'logger'>
}

export interface PaymentService {
  readonly manager: CommunicationManager
  readonly server: GrpcServer
  readonly ledger: Ledger
  /** Requests for a payment so far, refused ones included. */
  readonly requests: number
  /** While it is out of order every payment is answered UNAVAILABLE. The method `SetOutOfOrder` does the same. */
  outOfOrder: boolean
}

/** Takes payments over gRPC: `protos/payments/v1/payments.proto`. */
export function createPaymentService(options: PaymentServiceOptions): PaymentService {
  const { config = CommunicationConfig.from({ serviceName: 'payments' }), logger, host = '127.0.0.1', port = 0 } = options
  const ledger = new Ledger()
  const state = { outOfOrder: false, requests: 0 }
  const mesh =
    options.mesh && createMesh({ ...options.mesh, service: { name: 'payments', host, port: () => server.port }, logger })
  const server = new GrpcServer({
    host,
    port,
    logger,
    ...(mesh?.tls && { tls: mesh.tls, authenticate: mesh.authenticate }),
    reflection: descriptors,
    health: {
      healthCheck: () => manager.healthCheck(),
      get isReady() {
        return manager.isReady
      },
    },
  })
  const manager = new CommunicationManager(config, { logger, components: { server, ...(mesh && { mesh }) } })

  server.add(PaymentServiceDefinition, {
    async takePayment({ orderId, amount }: TakePaymentRequest, { call }: GrpcCallContext) {
      state.requests++
      if (state.outOfOrder) throw new ServiceUnavailableError('the bank does not answer')
      if (orderId === '' || !(amount > 0)) throw new ValidationError('a payment needs order_id and an amount above 0')
      logger.info('payment taken', { orderId, amount, method: call.method, caller: currentPrincipal()?.subject })
      return ledger.charge({ orderId, amount })
    },
    async setOutOfOrder({ outOfOrder }) {
      state.outOfOrder = outOfOrder
      return { outOfOrder }
    },
  })

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
