import { createLogger, logEvent } from '@comm/logging'
import { TestClock } from '@comm/testkit'
import { afterEach, describe, expect, it } from '@jest/globals'
import { context, logs, trace } from '@opentelemetry/api'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { TestContextManager } from './context-manager.ts'

afterEach(() => {
  logs.disable()
  context.disable()
})

function collect() {
  const exporter = new InMemoryLogRecordExporter()
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] })
  logs.setGlobalLoggerProvider(provider)
  return async () => {
    await provider.forceFlush()
    return exporter.getFinishedLogRecords()
  }
}

describe('the bridge to OpenTelemetry', () => {
  it('gives each entry to a logger provider that is registered, also one that comes later', async () => {
    const lines: string[] = []
    const logger = createLogger({
      env: {},
      level: 'debug',
      service: 'orders',
      clock: new TestClock(),
      destination: (line) => void lines.push(line),
    })
    logger.info('before')
    const records = collect()
    logEvent(logger.child({ logger: 'http' }), 'http.call.failed', 'payments refused', {
      status: 503,
      password: 'p',
      error: new Error('x'),
    })
    logger.debug('detail')
    expect(lines).toHaveLength(3)
    const [failed, detail, ...others] = await records()
    expect(others).toEqual([])
    expect(failed).toMatchObject({
      severityNumber: 13,
      severityText: 'WARN',
      body: 'payments refused',
      eventName: 'http.call.failed',
      hrTime: [Date.UTC(2026, 0, 1) / 1000, 0],
      instrumentationScope: { name: 'http' },
      attributes: { service: 'orders', status: 503, password: '[redacted]', error: { name: 'Error', message: 'x' } },
    })
    expect(detail).toMatchObject({ severityNumber: 5, body: 'detail', instrumentationScope: { name: '@comm/logging' } })
  })

  it('can be turned off, and obeys levels', async () => {
    const records = collect()
    createLogger({ env: {}, destination: () => {}, openTelemetry: false }).error('off')
    createLogger({ env: {}, destination: () => {}, level: 'error' }).info('below')
    expect(await records()).toEqual([])
  })

  it('hands over the context, so that the record has the ids of the span', async () => {
    const records = collect()
    const spanContext = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }
    context.setGlobalContextManager(new TestContextManager())
    context.with(trace.setSpanContext(context.active(), spanContext), () => {
      createLogger({ env: {}, destination: () => {} }).info('inside')
    })
    expect((await records())[0]?.spanContext).toMatchObject(spanContext)
  })
})
