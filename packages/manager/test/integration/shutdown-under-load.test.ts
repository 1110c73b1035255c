import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { type Component, Lifecycle, type StopReport } from '@comm/core'
import { MemoryRegistry, MemoryRegistryServer } from '@comm/discovery/memory'
import { createGateway } from '@comm/gateway'
import { GrpcClient, GrpcServer } from '@comm/grpc'
import { HttpClient } from '@comm/http'
import { contextHandler, type HttpServerComponent, httpServerComponent } from '@comm/http/server'
import { createMesh, type Mesh } from '@comm/mesh'
import type { MessageClient } from '@comm/messaging'
import { KafkaClient } from '@comm/messaging-kafka'
import { RabbitMQClient } from '@comm/messaging-rabbit'
import { RedisStreamsClient } from '@comm/messaging-redis'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { startTelemetry, type TraceExporter } from '@comm/telemetry'
import { waitFor } from '@comm/testkit'
import { type ServerName, sharedServer, type TestServer } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { load, lost } from '../support/load.ts'

/** Brokers take their time to start. */
const TIMEOUT_MS = 300_000
const BUDGET_MS = 30_000
const LANES = 20
const BEFORE_THE_STOP = 300
const HOST = '127.0.0.1'

async function running(...components: readonly Component[]): Promise<Lifecycle> {
  const lifecycle = new Lifecycle({ stopBudgetMs: BUDGET_MS })
  for (const component of components) lifecycle.add(component)
  await lifecycle.start()
  return lifecycle
}

function expectClean({ problems, durationMs }: StopReport): void {
  expect(problems).toEqual([])
  expect(durationMs).toBeLessThan(BUDGET_MS)
}

/** Answers `/7` after a while, and remembers that it was asked. */
function answering(accepted: Set<number>, name = 'http server'): HttpServerComponent {
  const server = createServer(
    contextHandler(async (request, response) => {
      accepted.add(Number(request.url?.slice(1)))
      await pause(5)
      response.end('ok')
    }),
  )
  return httpServerComponent(server, { port: 0, host: HOST, name })
}

describe('a stop under load', () => {
  it(
    'of an HTTP server: every request that came in is answered',
    async () => {
      const accepted = new Set<number>()
      const server = answering(accepted)
      const lifecycle = await running(server)
      await using client = new HttpClient({ baseUrl: server.url })
      const calls = load(LANES, (number) => client.get(`/${number}`))
      await calls.until(BEFORE_THE_STOP)
      expectClean(await lifecycle.stop())
      await calls.end()
      expect(lost(accepted, calls.answered)).toEqual([])
      expect(accepted.size).toBeGreaterThanOrEqual(BEFORE_THE_STOP)
    },
    TIMEOUT_MS,
  )

  it(
    'of a gRPC server: every call that came in is answered',
    async () => {
      const accepted = new Set<number>()
      const server = new GrpcServer({ host: HOST, port: 0 }).add(PaymentServiceDefinition, {
        async takePayment({ orderId, amount }) {
          accepted.add(Number(orderId))
          await pause(5)
          return { orderId, amount }
        },
        async setOutOfOrder({ outOfOrder }) {
          return { outOfOrder }
        },
      })
      const lifecycle = await running(server)
      await using client = new GrpcClient({ address: server.address, retry: false })
      const payments = client.service(PaymentServiceDefinition)
      const calls = load(LANES, (number) => payments.takePayment({ orderId: String(number), amount: 1 }))
      await calls.until(BEFORE_THE_STOP)
      expectClean(await lifecycle.stop())
      await calls.end()
      expect(lost(accepted, calls.answered)).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'of a gateway: every request that reached a service is answered',
    async () => {
      const accepted = new Set<number>()
      const orders = answering(accepted)
      const services = await running(orders)
      const gateway = createGateway({
        host: HOST,
        port: 0,
        services: { orders: { url: orders.url, path: '/' } },
      })
      const lifecycle = await running(gateway)
      await using client = new HttpClient({ baseUrl: gateway.url })
      const calls = load(LANES, (number) => client.get(`/${number}`))
      await calls.until(BEFORE_THE_STOP)
      expectClean(await lifecycle.stop())
      await calls.end()
      expectClean(await services.stop())
      expect(lost(accepted, calls.answered)).toEqual([])
    },
    TIMEOUT_MS,
  )

  it(
    'of one of two registered instances: no call of the mesh fails, and the other gets them',
    async () => {
      const registry = new MemoryRegistryServer()
      const mesh = (options: Parameters<typeof createMesh>[0]['service']): Mesh =>
        createMesh({ service: options, discovery: new MemoryRegistry({ server: registry }) })
      const instance = async () => {
        const accepted = new Set<number>()
        const orders: Mesh = mesh({ name: 'orders', host: HOST, port: () => Number(new URL(server.url).port) })
        const listener = orders.createServer(async (request, response) => {
          accepted.add(Number(request.url?.slice(1)))
          await pause(5)
          response.end('ok')
        })
        const server = httpServerComponent(listener, { port: 0, host: HOST })
        return { accepted, lifecycle: await running(server, orders) }
      }
      const [first, second] = [await instance(), await instance()]
      await using caller = mesh('carts')
      const failures: unknown[] = []
      const calls = load(LANES, (number) =>
        caller
          .call('orders')
          .get(`/${number}`)
          .catch((error: unknown) => failures.push(error)),
      )
      await calls.until(BEFORE_THE_STOP)
      await waitFor(() => first.accepted.size > 0 && second.accepted.size > 0, { what: 'calls to both' })
      expectClean(await first.lifecycle.stop())
      const before = second.accepted.size
      await calls.until(calls.answered.size + BEFORE_THE_STOP)
      await calls.end()
      expect(failures).toEqual([])
      expect(second.accepted.size).toBeGreaterThan(before)
      expectClean(await second.lifecycle.stop())
    },
    TIMEOUT_MS,
  )

  it(
    'of telemetry with its service: every span of an answered request is exported',
    async () => {
      const exported = new Set<string>()
      const exporter: Exclude<TraceExporter, string> = {
        export(spans, done) {
          for (const { attributes } of spans) exported.add(String(attributes['url.path']))
          done({ code: 0 })
        },
        shutdown: async () => undefined,
      }
      const telemetry = await startTelemetry({ traces: [exporter], metrics: false, logs: false })
      const accepted = new Set<number>()
      const server = answering(accepted)
      const lifecycle = await running(
        { name: 'telemetry', flush: () => telemetry.flush(), close: () => telemetry.close() },
        server,
      )
      await using client = new HttpClient({ baseUrl: server.url })
      const calls = load(LANES, (number) => client.get(`/${number}`))
      await calls.until(BEFORE_THE_STOP)
      expectClean(await lifecycle.stop())
      await calls.end()
      expect([...accepted].filter((number) => !exported.has(`/${number}`))).toEqual([])
    },
    TIMEOUT_MS,
  )
})

describe.each<[string, ServerName, (server: TestServer) => MessageClient]>([
  ['RabbitMQ', 'rabbitmq', ({ url }) => new RabbitMQClient({ url })],
  ['Kafka', 'kafka', ({ url }) => new KafkaClient({ hosts: [url] })],
  ['Redis Streams', 'redis', ({ host, port }) => new RedisStreamsClient({ host, port })],
])('a stop under load of what is on %s', (_name, kind, connect) => {
  it(
    'loses no message: what was confirmed has been handled, or is left to the next consumer',
    async () => {
      const server = await sharedServer(kind)
      const topic = `stopped.${randomUUID()}`
      const handled = new Set<number>()
      const consume = (client: MessageClient) =>
        client.subscribe<{ number: number }>(
          topic,
          async ({ number }) => {
            await pause(5)
            handled.add(number)
          },
          { group: 'billing', concurrency: 10 },
        )
      const [consumer, producer] = [connect(server), connect(server)]
      await consume(consumer)
      const consuming = await running(Object.assign(consumer, { name: 'consumer' }))
      const producing = await running(Object.assign(producer, { name: 'producer' }))
      const confirmed = load(LANES, (number) => producer.publish(topic, { number }))
      await confirmed.until(BEFORE_THE_STOP)
      await waitFor(() => handled.size > 20, { what: 'handled messages', timeoutMs: 120_000 })
      expectClean(await consuming.stop())
      const handledByTheFirst = handled.size
      await confirmed.until(confirmed.answered.size + 50)
      expectClean(await producing.stop())
      await confirmed.end()
      await using next = connect(server)
      await consume(next)
      await waitFor(() => lost(confirmed.answered, handled).length === 0, { what: 'every confirmed message', timeoutMs: 120_000 })
      expect(handled.size).toBeGreaterThan(handledByTheFirst)
    },
    TIMEOUT_MS,
  )
})
