import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Health } from '@comm/core'
import type { HealthSource, ResolvedServerOptions } from './options.ts'

/**
 * Answers the health and readiness paths. Health is 200 or 503 with the status of every component and the reasons, but not
 * the details; readiness is 200 while the service takes requests, whatever its health. Keep both from the public.
 *
 * @returns false when the request is none of the two
 */
export function answerHealth(request: IncomingMessage, response: ServerResponse, options: ResolvedServerOptions): boolean {
  const { health, healthPath, readyPath, logger } = options
  if (health === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false
  const path = request.url?.split('?', 1)[0]
  if (path === readyPath) {
    send(response, health.isReady ? 200 : 503, { ready: health.isReady })
    return true
  }
  if (path !== healthPath) return false
  report(health).then(
    ([status, body]) => send(response, status, body),
    (error: unknown) => {
      logger.error('the health check failed', { error })
      send(response, 503, { status: 'down' })
    },
  )
  return true
}

async function report(source: HealthSource): Promise<[number, unknown]> {
  const { isHealthy, components } = await source.healthCheck()
  const shown = Object.entries(components).map(([name, { status, reason }]: [string, Health]) => [
    name,
    { status, ...(reason === undefined ? {} : { reason }) },
  ])
  return [isHealthy ? 200 : 503, { status: isHealthy ? 'up' : 'down', components: Object.fromEntries(shown) }]
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body))
}
