import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Setup } from '@comm/bench/area'
import { GrpcServer } from '@comm/grpc'
import { createServer } from 'nice-grpc'
import { OrdersDefinition } from '../generated/bench/v1/orders.ts'
import { serveWithGrpcJs } from '../grpc-js-parts.ts'
import type { LoadAnswer, LoadRequest } from '../load-main.ts'
import { orderOf } from '../order.ts'

interface Serving {
  readonly port: number
  stop(): unknown
}

type ServerName = '@comm/grpc' | 'nice-grpc' | '@grpc/grpc-js'

const implementation = {
  getOrder: async ({ orderId }: { orderId: string }) => orderOf(orderId),
  async *watchOrders({ count }: { count: number }) {
    for (let left = count; left > 0; left--) yield orderOf('order-0123456789')
  },
}

const SERVERS: Readonly<Record<ServerName, () => Promise<Serving>>> = {
  '@comm/grpc': async () => {
    const server = new GrpcServer({ host: '127.0.0.1', port: 0 }).add(OrdersDefinition, implementation)
    await server.start()
    return { port: server.port, stop: () => server.close() }
  },
  'nice-grpc': async () => {
    const server = createServer()
    server.add(OrdersDefinition, implementation)
    return { port: await server.listen('127.0.0.1:0'), stop: () => server.forceShutdown() }
  },
  '@grpc/grpc-js': async () => {
    const { server, port } = await serveWithGrpcJs()
    return { port, stop: () => server.forceShutdown() }
  },
}

/** A server that another process calls: its own processor time is measured. */
export const setup: Setup = async ({ parameters, inFlight }) => {
  const serving = await SERVERS[parameters['server'] as ServerName]()
  const load = fork(join(import.meta.dirname, '../load-main.ts'), { execArgv: ['--conditions=@comm/source'] })
  const ask = (operations: number): Promise<void> =>
    new Promise((resolve, reject) => {
      load.once('message', ({ error }: LoadAnswer) => (error === undefined ? resolve() : reject(new Error(error))))
      load.send({ port: serving.port, operations, inFlight } satisfies LoadRequest)
    })
  return {
    verify: () => ask(1),
    run: async (operations, stopwatch) => {
      stopwatch.start()
      await ask(operations)
      stopwatch.stop()
    },
    close: async () => {
      load.disconnect()
      await serving.stop()
    },
  }
}
