import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from '@grpc/grpc-js'
import { GetOrderRequest, Order, WatchOrdersRequest } from './generated/bench/v1/orders.ts'
import { orderOf } from './order.ts'

/** The service as grpc-js's own generators would define it. */
export const ORDERS: ServiceDefinition = {
  getOrder: {
    path: '/bench.v1.Orders/GetOrder',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: GetOrderRequest) => Buffer.from(GetOrderRequest.encode(value).finish()),
    requestDeserialize: (bytes) => GetOrderRequest.decode(bytes),
    responseSerialize: (value: Order) => Buffer.from(Order.encode(value).finish()),
    responseDeserialize: (bytes) => Order.decode(bytes),
  },
  watchOrders: {
    path: '/bench.v1.Orders/WatchOrders',
    requestStream: false,
    responseStream: true,
    requestSerialize: (value: WatchOrdersRequest) => Buffer.from(WatchOrdersRequest.encode(value).finish()),
    requestDeserialize: (bytes) => WatchOrdersRequest.decode(bytes),
    responseSerialize: (value: Order) => Buffer.from(Order.encode(value).finish()),
    responseDeserialize: (bytes) => Order.decode(bytes),
  },
}

const getOrder: handleUnaryCall<GetOrderRequest, Order> = (call, callback) => callback(null, orderOf(call.request.orderId))

const watchOrders: handleServerStreamingCall<WatchOrdersRequest, Order> = (call) => {
  const order = orderOf('order-0123456789')
  let left = call.request.count
  const write = (): void => {
    while (left > 0) {
      left--
      if (!call.write(order)) return void call.once('drain', write)
    }
    call.end()
  }
  write()
}

/** @returns the port */
export async function serveWithGrpcJs(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = new Server()
  server.addService(ORDERS, { getOrder, watchOrders })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return { server, port }
}
