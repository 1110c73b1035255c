import { createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { runInContext } from '@comm/core'
import { GrpcClient } from '@comm/grpc'
import { createClient as createConnectClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { credentials, Metadata as GrpcMetadata, makeClientConstructor } from '@grpc/grpc-js'
import { createChannel, createClient, Metadata } from 'nice-grpc'
import { type Order, OrdersDefinition } from './generated/bench/v1/orders.ts'
import { descriptors } from './generated/descriptors.ts'
import { ORDERS } from './grpc-js-parts.ts'
import { CORRELATION_ID, CORRELATION_KEY, ORDER_ID, TIMEOUT_MS } from './order.ts'

export interface OrdersClient {
  /** One call, with a deadline and a correlation id. */
  get(): Promise<unknown>
  /** Reads so many messages. */
  watch(count: number): Promise<number>
  close(): void | Promise<void>
}

export type ClientName = '@comm/grpc' | 'nice-grpc' | '@grpc/grpc-js' | '@connectrpc/connect-node'

export const CLIENTS: Readonly<Record<ClientName, (port: number) => OrdersClient>> = {
  '@comm/grpc': comm,
  'nice-grpc': niceGrpc,
  '@grpc/grpc-js': grpcJs,
  '@connectrpc/connect-node': connect,
}

async function counted(stream: AsyncIterable<unknown>): Promise<number> {
  let seen = 0
  for await (const _ of stream) seen++
  return seen
}

/** Everything on: an endpoint source with a balancer, retry, a breaker and a bulkhead for each instance, instruments, the call context. */
function comm(port: number): OrdersClient {
  const client = new GrpcClient({ endpoints: [`127.0.0.1:${port}`], service: 'orders', timeout: { totalMs: TIMEOUT_MS } })
  const orders = client.service(OrdersDefinition)
  return {
    get: () => runInContext({ correlationId: CORRELATION_ID }, () => orders.getOrder({ orderId: ORDER_ID })),
    watch: (count) => counted(orders.watchOrders({ count })),
    close: () => client[Symbol.asyncDispose](),
  }
}

function niceGrpc(port: number): OrdersClient {
  const channel = createChannel(`127.0.0.1:${port}`)
  const orders = createClient(OrdersDefinition, channel)
  return {
    get: () => {
      const metadata = Metadata({ [CORRELATION_KEY]: CORRELATION_ID, 'grpc-timeout': `${TIMEOUT_MS}m` })
      return orders.getOrder({ orderId: ORDER_ID }, { metadata })
    },
    watch: (count) => counted(orders.watchOrders({ count })),
    close: () => channel.close(),
  }
}

function grpcJs(port: number): OrdersClient {
  const client = new (makeClientConstructor(ORDERS, 'Orders'))(`127.0.0.1:${port}`, credentials.createInsecure())
  return {
    get: () =>
      new Promise((resolve, reject) => {
        const metadata = new GrpcMetadata()
        metadata.set(CORRELATION_KEY, CORRELATION_ID)
        const done = (error: Error | null, order?: Order): void => (error === null ? resolve(order) : reject(error))
        client['getOrder']?.({ orderId: ORDER_ID }, metadata, { deadline: Date.now() + TIMEOUT_MS }, done)
      }),
    watch: (count) => counted(client['watchOrders']?.({ count }) as unknown as AsyncIterable<unknown>),
    close: () => client.close(),
  }
}

function connect(port: number): OrdersClient {
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)).getService('bench.v1.Orders')
  if (service === undefined) throw new Error('the descriptors have no bench.v1.Orders')
  const orders = createConnectClient(
    service,
    createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }),
  ) as unknown as Readonly<Record<string, (request: unknown, options?: unknown) => unknown>>
  return {
    get: async () =>
      orders['getOrder']?.({ orderId: ORDER_ID }, { timeoutMs: TIMEOUT_MS, headers: { [CORRELATION_KEY]: CORRELATION_ID } }),
    watch: (count) => counted(orders['watchOrders']?.({ count }) as AsyncIterable<unknown>),
    close: () => undefined,
  }
}
