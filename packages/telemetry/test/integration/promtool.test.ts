import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { createLogger } from '@comm/logging'
import { MemoryBroker } from '@comm/messaging'
import { startTelemetry } from '@comm/telemetry'
import { findTool } from '@comm/testkit/servers'
import { describe, expect, it } from '@jest/globals'
import { parsePrometheus } from '../support/prometheus-text.ts'
import { openShop } from '../support/shop.ts'

/** The package is fetched once into the cache. */
const TIMEOUT_MS = 180_000

async function promtool(words: readonly string[], input = ''): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(await findTool('promtool', 'prometheus'), words)
  child.stdin.end(input)
  const [code, stdout, stderr] = await Promise.all([
    new Promise<number | null>((resolve) => child.once('close', resolve)),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, said: stdout + stderr }
}

describe('promtool', () => {
  it(
    'finds nothing wrong with the metrics of a shop',
    async () => {
      await using telemetry = await startTelemetry({
        serviceName: 'shop',
        traces: false,
        logs: false,
        metrics: ['prometheus'],
        prometheus: { port: 0, host: '127.0.0.1' },
      })
      await using broker = new MemoryBroker()
      await using shop = await openShop(broker, createLogger({ env: {}, destination: () => {} }))
      await shop.client.get('/orders/7')
      await shop.client.get('/broken')
      await shop.handled
      const metrics = await (await fetch(telemetry.prometheusUrl as string)).text()
      expect(parsePrometheus(metrics).problems).toEqual([])
      expect(metrics).toMatch(/^http_server_request_duration_seconds_bucket\{.*http_route="\/orders\/:id".*le="0\.005"/m)
      expect(await promtool(['check', 'metrics'], metrics)).toEqual({ code: 0, said: '' })
    },
    TIMEOUT_MS,
  )

  it(
    'takes the alert rules of this repository',
    async () => {
      const rules = new URL('../../../../deploy/prometheus/alerts.yml', import.meta.url).pathname
      const { code, said } = await promtool(['check', 'rules', rules])
      expect(said).toMatch(/SUCCESS: \d+ rules found/)
      expect(code).toBe(0)
    },
    TIMEOUT_MS,
  )
})
