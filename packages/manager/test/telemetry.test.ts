import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CommunicationConfig } from '@comm/config'
import { silentLogger } from '@comm/core'
import { operationsHandler } from '@comm/http/server'
import { CommunicationManager } from '@comm/manager'
import { startTelemetry } from '@comm/telemetry'
import { describe, expect, it } from '@jest/globals'
import { createNoopMeter, metrics, trace } from '@opentelemetry/api'

function managerWith(settings: { readonly enableMetrics?: boolean; readonly enableTracing?: boolean }): CommunicationManager {
  const config = CommunicationConfig.from({ serviceName: 'shop', messageBroker: { type: 'memory' }, ...settings })
  return new CommunicationManager(config, { logger: silentLogger })
}

async function metricsOf(manager: CommunicationManager): Promise<{ readonly status: number; readonly text: string }> {
  const server = createServer(operationsHandler({ metrics: manager, health: manager }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)
    return { status: answer.status, text: await answer.text() }
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

const isMeasured = (): boolean => metrics.getMeter('test') !== createNoopMeter()

describe('enableMetrics and enableTracing', () => {
  it('start OpenTelemetry before the first client, and end it with the manager', async () => {
    {
      await using manager = managerWith({ enableMetrics: true })
      expect(isMeasured()).toBe(false)
      void manager.messaging.subscribe('order.created', () => undefined)
      await manager.initialize()
      await manager.messaging.publish('order.created', { id: 7 })
      const { status, text } = await metricsOf(manager)
      expect(status).toBe(200)
      expect(text).toMatch(/^target_info\{service_name="shop"/m)
      expect(text).toMatch(/^messaging_client_sent_messages_total\{.*messaging_destination_name="order\.created"\} 1$/m)
      expect((await manager.healthCheck()).components).toHaveProperty('telemetry')
    }
    expect(isMeasured()).toBe(false)
  })

  it('work without initialize() too, from the first use on', async () => {
    await using manager = managerWith({ enableMetrics: true })
    expect((await metricsOf(manager)).status).toBe(404)
    await manager.messaging.subscribe('order.created', () => undefined)
    expect((await metricsOf(manager)).status).toBe(200)
  })

  it('leave an SDK alone that the application runs', async () => {
    await using own = await startTelemetry({ traces: false, metrics: ['prometheus'], logs: false, policies: false })
    {
      await using manager = managerWith({ enableMetrics: true, enableTracing: true })
      await manager.initialize()
      expect((await metricsOf(manager)).status).toBe(404)
    }
    expect(isMeasured()).toBe(true)
    await own.shutdown()
  })

  it('do nothing when they are off', async () => {
    await using manager = managerWith({})
    await manager.initialize()
    expect(isMeasured()).toBe(false)
    expect(trace.getTracer('test').startSpan('s').isRecording()).toBe(false)
    expect((await manager.healthCheck()).components).not.toHaveProperty('telemetry')
  })
})
