import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { breaker, ConfigurationError, Lifecycle, pipeline } from '@comm/core'
import { operationsHandler } from '@comm/http/server'
import { startTelemetry, type TelemetryOptions } from '@comm/telemetry'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createNoopMeter, metrics, trace } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { parsePrometheus } from './support/prometheus-text.ts'

const NOTHING = { traces: false, metrics: false, logs: false } as const

async function spansOf(options: TelemetryOptions, count: number): Promise<number> {
  const exporter = new InMemorySpanExporter()
  await using telemetry = await startTelemetry({ ...NOTHING, traces: [exporter], ...options })
  for (let span = 0; span < count; span += 1) trace.getTracer('test').startSpan('s').end()
  await telemetry.flush()
  return exporter.getFinishedSpans().length
}

describe('startTelemetry', () => {
  it.each<[object, string]>([
    [{ serviceName: '' }, "telemetry.serviceName must be a non-empty string, got ''"],
    [
      { traces: ['jaeger'] },
      "telemetry.traces must be one of false or an array, each item one of 'otlp', 'console' or an exporter (with export(), shutdown()), got an array of 1",
    ],
    [{ sampleRatio: 2 }, 'telemetry.sampleRatio must be a finite number >= 0 and <= 1, got 2'],
    [
      { otlp: { endpoint: 'collector:4318' } },
      "telemetry.otlp.endpoint must be an http: or https: URL such as http://collector:4318, got 'collector:4318'",
    ],
    [{ otlp: { headers: { a: 1 } } }, 'telemetry.otlp.headers must be an object of texts, got [redacted]'],
    [{ prometheus: { port: -1 } }, 'telemetry.prometheus.port must be an integer >= 0 and <= 65535, got -1'],
    [{ maxSeries: 0 }, 'telemetry.maxSeries must be an integer >= 1, got 0'],
  ])('refuses %j', async (options, message) => {
    const starting = startTelemetry(options as TelemetryOptions)
    await expect(starting).rejects.toThrow(ConfigurationError)
    await expect(starting).rejects.toThrow(message)
  })

  it('refuses to run twice, and starts again after a shutdown', async () => {
    {
      await using _first = await startTelemetry(NOTHING)
      await expect(startTelemetry(NOTHING)).rejects.toMatchObject({ code: 'COMM_CLOSED' })
    }
    expect(await spansOf({}, 3)).toBe(3)
    expect(await spansOf({}, 2)).toBe(2)
  })

  it.each<[string, () => void, () => void]>([
    ['traces', () => trace.setGlobalTracerProvider(new TracerProvider()), () => trace.disable()],
    ['metrics', () => metrics.setGlobalMeterProvider(new MeterProvider()), () => metrics.disable()],
  ])('refuses to run beside an SDK of the application: %s', async (_, register, takeOff) => {
    register()
    try {
      await expect(startTelemetry(NOTHING)).rejects.toMatchObject({
        code: 'COMM_CLOSED',
        message: expect.stringContaining('the application has registered'),
      })
    } finally {
      takeOff()
    }
    await (await startTelemetry(NOTHING)).shutdown()
  })

  it('samples what begins here', async () => {
    expect(await spansOf({ sampleRatio: 0 }, 10)).toBe(0)
    const some = await spansOf({ sampleRatio: 0.5 }, 400)
    expect(some).toBeGreaterThan(120)
    expect(some).toBeLessThan(280)
  })

  it('says who it is', async () => {
    const exporter = new InMemorySpanExporter()
    const options = { serviceName: 'shop', serviceVersion: '1.2.3', environment: 'test', resource: { 'cloud.region': 'eu' } }
    await using telemetry = await startTelemetry({ ...NOTHING, ...options, traces: [exporter] })
    trace.getTracer('test').startSpan('s').end()
    await telemetry.flush()
    expect(exporter.getFinishedSpans()[0]?.resource.attributes).toMatchObject({
      'service.name': 'shop',
      'service.version': '1.2.3',
      'deployment.environment.name': 'test',
      'cloud.region': 'eu',
      'service.instance.id': expect.any(String),
      'process.pid': process.pid,
    })
  })

  it('ends in time when its exporter does not, and says what failed', async () => {
    const told: unknown[] = []
    const logger = {
      trace() {},
      debug() {},
      info() {},
      warn() {},
      error: (...said: unknown[]) => void told.push(said[0]),
      isEnabled: () => true,
      child: () => logger,
    }
    const stuck = { export() {}, shutdown: () => new Promise<void>(() => {}), forceFlush: async () => {} }
    const telemetry = await startTelemetry({ ...NOTHING, traces: [stuck], shutdownMs: 50, logger })
    trace.getTracer('test').startSpan('s').end()
    await telemetry.shutdown()
    const broken = { ...stuck, shutdown: () => Promise.reject(new Error('no way out')) }
    const again = await startTelemetry({ ...NOTHING, traces: [broken], logger })
    await Promise.all([again.shutdown(), again.close()])
    expect(told).toContain('telemetry: the rest could not be sent')
  })

  describe('reads what to export to from the environment', () => {
    const before = { ...process.env }
    afterEach(() => {
      process.env = { ...before }
    })

    it('when the options do not say', async () => {
      Object.assign(process.env, {
        OTEL_TRACES_EXPORTER: 'none',
        OTEL_METRICS_EXPORTER: 'prometheus',
        OTEL_LOGS_EXPORTER: 'none',
      })
      await using _telemetry = await startTelemetry()
      expect(metrics.getMeterProvider().getMeter('test')).not.toBe(createNoopMeter())
    })

    it('and refuses what is unknown', async () => {
      process.env['OTEL_METRICS_EXPORTER'] = 'statsd'
      await expect(startTelemetry({ traces: false, logs: false })).rejects.toThrow(
        "environment variable OTEL_METRICS_EXPORTER must be none, or some of otlp, prometheus, console, got 'statsd'",
      )
    })
  })
})

describe('the metrics', () => {
  async function served(options: TelemetryOptions, use: (url: string) => Promise<void>): Promise<void> {
    await using telemetry = await startTelemetry({ ...NOTHING, metrics: ['prometheus'], ...options })
    const lifecycle = new Lifecycle()
    const server = createServer(operationsHandler({ metrics: telemetry, health: lifecycle }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  }

  it('are served beside health and readiness, with the policies among them', async () => {
    await served({}, async (url) => {
      const calls = pipeline([breaker({ name: 'payments', consecutiveFailures: 1 })])
      const down = async (): Promise<void> => {
        throw new Error('down')
      }
      await calls.run(down, undefined).catch(() => undefined)
      await calls.run(down, undefined).catch(() => undefined)
      const answer = await fetch(`${url}/metrics`)
      const text = await answer.text()
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/)
      const { samples, problems } = parsePrometheus(text)
      expect(problems).toEqual([])
      const labels = { comm_policy_type: 'breaker', comm_policy_name: 'payments' }
      expect(samples).toContainEqual({ name: 'comm_breaker_state', labels: { ...labels, comm_breaker_state: 'open' }, value: 1 })
      expect(samples).toContainEqual({
        name: 'comm_policy_rejections_total',
        labels: { ...labels, comm_policy_reason: 'open' },
        value: 1,
      })
      expect((await fetch(`${url}/ready`)).status).toBe(503)
      expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'up', components: {} })
      expect((await fetch(`${url}/other`)).status).toBe(404)
    })
  })

  it('have a limit on their series', async () => {
    await served({ maxSeries: 10 }, async (url) => {
      const counter = metrics.getMeter('test').createCounter('test.calls')
      for (let user = 0; user < 1000; user += 1) counter.add(1, { user })
      const { samples } = parsePrometheus(await (await fetch(`${url}/metrics`)).text())
      const calls = samples.filter(({ name }) => name === 'test_calls_total')
      expect(calls.length).toBeLessThanOrEqual(10)
      expect(calls.reduce((sum, { value }) => sum + value, 0)).toBe(1000)
      expect(calls.filter(({ labels }) => labels['otel_metric_overflow'] === 'true')).toHaveLength(1)
    })
  })

  it('are served on a port of their own when one is given', async () => {
    await using telemetry = await startTelemetry({
      ...NOTHING,
      metrics: ['prometheus'],
      prometheus: { port: 0, host: '127.0.0.1' },
    })
    expect(telemetry.prometheusUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    expect((await fetch(telemetry.prometheusUrl as string)).status).toBe(200)
  })
})
