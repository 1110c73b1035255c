// One request through two services and a broker, and everything that can be seen of it: what is printed is asserted.
//
//   pnpm example observability
//
// With OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 and `docker compose up --wait` the same trace is in Jaeger,
// http://localhost:16686, and the metrics are on the dashboards of Grafana, http://localhost:3000.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { breaker, Lifecycle, pipeline } from '@comm/core'
import { HttpClient } from '@comm/http'
import { contextHandler, operationsHandler, setRoute } from '@comm/http/server'
import { auditTrail, createLogger, type LogEntry, securityLogger, verifyAuditTrail, withAudit } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { startTelemetry } from '@comm/telemetry'
import { trace } from '@opentelemetry/api'

const hasCollector = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined
await using telemetry = await startTelemetry({
  serviceName: 'observability-example',
  // Without a collector spans are made and counted, so that log lines have their ids, and go nowhere.
  traces: hasCollector ? ['otlp'] : [{ export: (_spans, done) => done({ code: 0 }), shutdown: async () => undefined }],
  metrics: hasCollector ? ['prometheus', 'otlp'] : ['prometheus'],
  logs: hasCollector ? ['otlp'] : false,
})

const entries: LogEntry[] = []
const logger = createLogger({
  env: {},
  level: 'debug',
  service: 'observability-example',
  excludePaths: ['/health', '/ready', '/metrics'],
  burst: { lines: 3, perMs: 1000 },
  destination: (_line, entry) => void entries.push(entry),
})
const lifecycle = new Lifecycle({ logger })
await lifecycle.start()

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

await using broker = new MemoryBroker()
const billed = Promise.withResolvers<void>()
await broker.subscribe('order.created', () => {
  logger.info('order billed')
  billed.resolve()
})
const orders = createServer(
  contextHandler(async (request, response) => {
    setRoute(request, '/orders/:id')
    logger.info('order placed', { path: request.url })
    await broker.publish('order.created', { id: 7 })
    response.end('{"id":7}')
  }),
)
const operations = createServer(operationsHandler({ health: lifecycle, metrics: telemetry }))
const [ordersUrl, operationsUrl] = await Promise.all([listen(orders), listen(operations)])
await using client = new HttpClient({ baseUrl: ordersUrl })

async function oneTrace(): Promise<string> {
  await trace.getTracer('example').startActiveSpan('checkout', async (span) => {
    await client.get('/orders/7')
    span.end()
  })
  await billed.promise
  const [placed, done] = ['order placed', 'order billed'].map((text) => entries.find(({ message }) => message === text))
  assert.match(placed?.trace_id ?? '', /^[0-9a-f]{32}$/)
  assert.equal(placed?.trace_id, done?.trace_id)
  assert.notEqual(placed?.span_id, done?.span_id)
  assert.equal(placed?.correlationId, done?.correlationId)
  return 'a request and the message that it caused share a trace, and their log lines say which'
}

async function prometheus(): Promise<string> {
  const guard = breaker({ name: 'payments', consecutiveFailures: 1 })
  const payments = pipeline([guard])
  const down = async (): Promise<void> => {
    throw new Error('payments are down')
  }
  await payments.run(down, undefined).catch(() => undefined)
  const metrics = await (await fetch(`${operationsUrl}/metrics`)).text()
  const value = (pattern: RegExp): number => Number(pattern.exec(metrics)?.[1])
  assert.equal(value(/^http_server_request_duration_seconds_count\{.*http_route="\/orders\/:id".*\} (\d+)$/m), 1)
  assert.equal(value(/^messaging_client_sent_messages_total\{.*"order\.created".*\} (\d+)$/m), 1)
  assert.equal(value(/^comm_breaker_state\{.*comm_policy_name="payments".*comm_breaker_state="open".*\} (\d+)$/m), 1)
  return 'requests by route, messages by topic and an open breaker are on /metrics'
}

async function health(): Promise<string> {
  const status = async (path: string): Promise<number> => (await fetch(`${operationsUrl}${path}`)).status
  assert.deepEqual([await status('/health'), await status('/ready')], [200, 200])
  await lifecycle.stop()
  assert.deepEqual([await status('/health'), await status('/ready')], [200, 503])
  return 'a service that stops is not ready any more, and still healthy'
}

async function quietLogs(): Promise<string> {
  const before = entries.length
  logger.info('GET /health 200', { path: '/health' })
  for (let attempt = 0; attempt < 100; attempt++) logger.warn('broker is gone', { attempt, password: 'secret' })
  await logger.flush()
  const lines = entries.slice(before)
  assert.deepEqual(
    lines.map(({ message }) => message),
    ['broker is gone', 'broker is gone', 'broker is gone', '97 more in 1000 ms: broker is gone'],
  )
  assert.ok(!JSON.stringify(lines).includes('secret'))
  return 'probes are not logged, a burst of 100 lines is 3 and a count, and no password is in them'
}

async function levels(): Promise<string> {
  const http = logger.child({ logger: 'http' })
  logger.setLevel('error', 'http')
  http.info('not written')
  assert.equal(http.isEnabled('info'), false)
  logger.setLevel('debug', 'http')
  http.debug('written')
  assert.equal(entries.at(-1)?.message, 'written')
  return 'the level of one logger was changed while it runs'
}

async function audit(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'comm-example-'))
  const file = join(folder, 'audit.jsonl')
  const key = 'a secret of 16 bytes or more'
  try {
    using trail = auditTrail({ file, key })
    const security = withAudit(securityLogger(logger), trail, logger)
    security.authentication({ outcome: 'failure', method: 'jwt', reason: 'expired', address: '10.0.0.7' })
    security.authorization({ outcome: 'denied', action: 'GET', resource: '/orders/7', subject: 'eve' })
    const { intact, records } = await verifyAuditTrail(file, { key, head: trail.head })
    assert.deepEqual([intact, records], [true, 2])
    assert.equal((await verifyAuditTrail(file)).intact, false)
    return 'two security events are in a sealed trail, which nobody without the key can make up'
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const parts: readonly (readonly [string, () => Promise<string>])[] = [
  ['Traces', oneTrace],
  ['Metrics', prometheus],
  ['Quiet logs', quietLogs],
  ['Levels', levels],
  ['Security and audit', audit],
  ['Health', health],
]
for (const [name, show] of parts) console.log(`✓ ${name}: ${await show()}`)

for (const server of [orders, operations]) {
  server.close()
  server.closeAllConnections()
}
await logger.close()
console.log('observability: ok')
