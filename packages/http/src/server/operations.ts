import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Health, Logger } from '@comm/core'
import { type HealthSource, type ResolvedServerOptions, resolveServerOptions, type ServerOptions } from './options.ts'

/**
 * Answers the health, readiness, liveness and metrics paths. Health is 200 or 503 with the status of every component and the reasons,
 * but not the details; readiness is 200 while the service takes requests, whatever its health; liveness while the process answers at all,
 * because no restart mends what is wrong elsewhere. Keep all of them from the public.
 *
 * @returns false when the request is none of these
 */
export function answerOperations(request: IncomingMessage, response: ServerResponse, options: ResolvedServerOptions): boolean {
  const { health, healthPath, readyPath, livePath, metrics, metricsPath, logger } = options
  if ((health ?? metrics) === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false
  const path = request.url?.split('?', 1)[0]
  if (metrics !== undefined && path === metricsPath) {
    metrics.metricsHandler(request, response)
    return true
  }
  if (health === undefined) return false
  if (path === livePath) send(response, 200, { live: true })
  else if (path === readyPath) send(response, health.isReady ? 200 : 503, { ready: health.isReady })
  else if (path === healthPath) answerHealth(health, response, logger)
  else return false
  return true
}

function answerHealth(health: HealthSource, response: ServerResponse, logger: Logger): void {
  report(health).then(
    ([status, body]) => send(response, status, body),
    (error: unknown) => {
      logger.error('the health check failed', { error })
      send(response, 503, { status: 'down' })
    },
  )
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

export type OperationsOptions = Pick<
  ServerOptions,
  'health' | 'healthPath' | 'readyPath' | 'livePath' | 'metrics' | 'metricsPath' | 'logger'
>

/**
 * A listener of `node:http` for a server, or a port, of its own that serves nothing but health, readiness, liveness and metrics;
 * anything else is 404.
 * @throws ConfigurationError naming every wrong option
 */
export function operationsHandler(options: OperationsOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const resolved = resolveServerOptions('operationsHandler', options)
  return (request, response) => {
    if (!answerOperations(request, response, resolved)) send(response, 404, { error: 'there is nothing here' })
  }
}
