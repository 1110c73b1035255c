import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, pipeline, retry, ValidationError } from '@comm/core'
import { createGateway } from '@comm/gateway'
import { GrpcClient, GrpcServer, type GrpcServiceClient } from '@comm/grpc'
import { HttpClient } from '@comm/http'
import { contextHandler, setRoute } from '@comm/http/server'
import type { MessageClient } from '@comm/messaging'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { context, propagation } from '@opentelemetry/api'

export interface Shop extends AsyncDisposable {
  readonly url: string
  readonly client: HttpClient
  readonly payments: GrpcServiceClient<typeof PaymentServiceDefinition>
  /** Resolves with what the handler of the message got. */
  readonly handled: Promise<unknown>
  /** What each part saw as the `tenant` of the baggage. */
  readonly tenants: ReadonlyMap<string, string | undefined>
}

/**
 * A gateway, three services and a broker: `GET /orders/7` of the first, through the gateway, asks the second for the stock over HTTP and the third for the payment over
 * gRPC, and publishes `order.created`, whose handler is a fourth part of the same trace. `GET /broken` is answered with 500, a payment of
 * nothing is refused.
 */
export async function openShop(broker: MessageClient, logger: Logger, topic = 'order.created'): Promise<Shop> {
  const handled = Promise.withResolvers<unknown>()
  const tenants = new Map<string, string | undefined>()
  const done = (part: string, message: string): void => {
    tenants.set(part, propagation.getActiveBaggage()?.getEntry('tenant')?.value)
    logger.info(message)
  }
  const subscription = await broker.subscribe(
    topic,
    (order) => {
      done('billing', 'order handled')
      handled.resolve(order)
    },
    { group: 'billing' },
  )
  const stock = await listening((request, response) => {
    setRoute(request, '/stock/:id')
    done('stock', 'stock looked up')
    response.end(JSON.stringify({ left: 3 }))
  })
  const ledger = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(PaymentServiceDefinition, {
    async takePayment({ orderId, amount }) {
      if (amount <= 0) throw new ValidationError('amount must be above 0')
      done('payments', 'payment taken')
      return { orderId, amount }
    },
    async setOutOfOrder({ outOfOrder }) {
      return { outOfOrder }
    },
  })
  await ledger.start()
  const inside = new HttpClient({ baseUrl: stock.url })
  const channel = new GrpcClient({ address: ledger.address, service: 'payments' })
  const payments = channel.service(PaymentServiceDefinition)
  const stocks = pipeline([retry({ name: 'stock', maxRetries: 1 })])
  const orders = await listening(async (request, response) => {
    if (request.url === '/broken') throw new Error('out of order')
    setRoute(request, '/orders/:id')
    const id = Number(request.url?.split('/').at(-1))
    await stocks.run(() => inside.get(`/stock/${id}?token=secret`), undefined)
    await payments.takePayment({ orderId: String(id), amount: 42 })
    await broker.publish(topic, { id })
    done('orders', 'order answered')
    response.end(JSON.stringify({ id }))
  })
  const gateway = createGateway({ host: '127.0.0.1', port: 0, services: { orders: { url: orders.url, path: '/' } } })
  await gateway.start()
  const client = new HttpClient({ baseUrl: gateway.url, throwHttpErrors: false })
  return {
    url: gateway.url,
    client,
    payments,
    handled: handled.promise,
    tenants,
    async [Symbol.asyncDispose]() {
      await client.close()
      await gateway.stop()
      for (const each of [inside, orders, stock, channel, ledger]) await each.close()
      await subscription[Symbol.asyncDispose]()
    },
  }
}

async function listening(listener: Parameters<typeof contextHandler>[0]) {
  const server = createServer(contextHandler(listener))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  }
}

/** Runs with baggage that says whose call it is. */
export function withTenant<Result>(tenant: string, run: () => Result): Result {
  const baggage = propagation.createBaggage({ tenant: { value: tenant } })
  return context.with(propagation.setBaggage(context.active(), baggage), run)
}
