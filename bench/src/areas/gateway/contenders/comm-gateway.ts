import type { Setup } from '@comm/bench/area'
import { createGateway } from '@comm/gateway'
import { metrics } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { underLoad } from '../under-load.ts'

/** As it comes: routing, ids, forwarded fields, retries, breaker, balancing, time limits; and metrics with an SDK behind them. */
export const setup: Setup = async (input) => {
  metrics.setGlobalMeterProvider(new MeterProvider())
  const gateway = createGateway({
    port: 0,
    host: '127.0.0.1',
    services: { 'user-service': String(input.environment.service) },
  })
  await gateway.start()
  return underLoad(input, gateway.url, { close: async () => void (await gateway.stop()) })
}
