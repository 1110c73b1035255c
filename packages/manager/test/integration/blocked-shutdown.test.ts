import { createServer, type RequestListener } from 'node:http'
import { type Component, Lifecycle, type StopPhase } from '@comm/core'
import { MemoryRegistry } from '@comm/discovery/memory'
import { createGateway } from '@comm/gateway'
import { GrpcClient, GrpcServer } from '@comm/grpc'
import { HttpClient } from '@comm/http'
import { contextHandler, httpServerComponent } from '@comm/http/server'
import { createMesh } from '@comm/mesh'
import { MemoryBroker } from '@comm/messaging'
import { PaymentServiceDefinition } from '@comm/protos/payments/v1'
import { startTelemetry } from '@comm/telemetry'
import { describe, expect, it } from '@jest/globals'

const HOST = '127.0.0.1'
const BUDGET_MS = 1500
/** The machine may have other things to do. */
const LATE_MS = 5000
const NEVER = new Promise<never>(() => undefined)

/** A component in whose work something never ends. */
interface Blocked {
  readonly component: Component
  /** Begins what never ends; resolves when it has begun. */
  readonly begin: () => Promise<void>
  readonly phase: StopPhase
}

/** A server whose listener is told of, and never answers. */
function unanswered(): { readonly listener: RequestListener; readonly asked: Promise<void> } {
  const asked = Promise.withResolvers<void>()
  return { listener: () => asked.resolve(), asked: asked.promise }
}

async function call(url: string, asked: Promise<void>): Promise<void> {
  const client = new HttpClient({ baseUrl: url, timeout: { totalMs: 60_000 } })
  void client.get('/').catch(() => client.close())
  await asked
}

const KINDS: Readonly<Record<string, (opened: AsyncDisposableStack) => Promise<Blocked>>> = {
  'an HTTP server': async () => {
    const { listener, asked } = unanswered()
    const component = httpServerComponent(createServer(contextHandler(listener)), { port: 0, host: HOST })
    return { component, begin: () => call(component.url, asked), phase: 'drain' }
  },
  'a gRPC server': async (opened) => {
    const asked = Promise.withResolvers<void>()
    const component = new GrpcServer({ host: HOST, port: 0 }).add(PaymentServiceDefinition, {
      takePayment() {
        asked.resolve()
        return NEVER
      },
      setOutOfOrder: () => NEVER,
    })
    const begin = async (): Promise<void> => {
      const client = opened.use(new GrpcClient({ address: component.address, retry: false }))
      client
        .service(PaymentServiceDefinition)
        .takePayment({ orderId: '7', amount: 1 })
        .catch(() => undefined)
      await asked.promise
    }
    return { component, begin, phase: 'drain' }
  },
  'a broker': async () => {
    const handling = Promise.withResolvers<void>()
    const component = Object.assign(new MemoryBroker(), { name: 'messaging' })
    const begin = async (): Promise<void> => {
      await component.subscribe('order.created', () => {
        handling.resolve()
        return NEVER
      })
      await component.publish('order.created', 7)
      await handling.promise
    }
    return { component, begin, phase: 'drain' }
  },
  'a gateway': async (opened) => {
    const { listener, asked } = unanswered()
    const upstream = httpServerComponent(createServer(listener), { port: 0, host: HOST })
    await upstream.start(AbortSignal.timeout(30_000))
    opened.defer(() => Promise.resolve(upstream.close(AbortSignal.timeout(30_000))))
    const component = createGateway({ host: HOST, port: 0, services: { orders: { url: upstream.url, path: '/' } } })
    return { component, begin: () => call(component.url, asked), phase: 'drain' }
  },
  'a mesh whose registry does not answer': async () => {
    const registry = new MemoryRegistry()
    registry.deregister = () => NEVER
    const component = createMesh({ service: { name: 'orders', host: HOST, port: 80 }, discovery: registry })
    return { component, begin: async () => undefined, phase: 'stopIntake' }
  },
  'telemetry whose collector does not answer': async (opened) => {
    const telemetry = await startTelemetry({
      traces: [{ export: () => undefined, shutdown: () => NEVER }],
      metrics: false,
      logs: false,
      shutdownMs: 3000,
    })
    opened.defer(() => telemetry.shutdown())
    return { component: { name: 'telemetry', close: () => telemetry.close() }, begin: async () => undefined, phase: 'close' }
  },
}

describe('a stop that is blocked by', () => {
  it.each(Object.entries(KINDS))('%s ends within the budget, names it, and stops the others', async (_name, make) => {
    await using opened = new AsyncDisposableStack()
    const { component, begin, phase } = await make(opened)
    const stopped: string[] = []
    const lifecycle = new Lifecycle({ stopBudgetMs: BUDGET_MS })
    lifecycle.add({ name: 'another', flush: () => void stopped.push('flush'), close: () => void stopped.push('close') })
    lifecycle.add(component)
    await lifecycle.start()
    await begin()
    const { problems, durationMs } = await lifecycle.stop()
    expect(problems).toContainEqual(expect.objectContaining({ component: component.name, phase }))
    expect(problems.filter((problem) => problem.component !== component.name)).toEqual([])
    expect(durationMs).toBeLessThan(BUDGET_MS + LATE_MS)
    expect(stopped).toEqual(['flush', 'close'])
  })
})
