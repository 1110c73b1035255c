import { createLogger, type LogEntry } from '@comm/logging'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { context, trace } from '@opentelemetry/api'
import { TestContextManager } from './context-manager.ts'

describe('a line inside an active span', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new TestContextManager())
  })
  afterAll(() => {
    context.disable()
  })

  const logged = (traceId: string, spanId: string): LogEntry => {
    const lines: string[] = []
    const logger = createLogger({ env: {}, destination: (line) => void lines.push(line) })
    const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: 1 })
    context.with(trace.setSpan(context.active(), span), () => logger.info('inside'))
    return JSON.parse(lines[0] as string) as LogEntry
  }

  it('carries its ids', () => {
    expect(logged('4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7')).toMatchObject({
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      span_id: '00f067aa0ba902b7',
    })
  })

  it('carries none when they are invalid', () => {
    expect(logged('0'.repeat(32), '0'.repeat(16))).not.toHaveProperty('trace_id')
  })
})
