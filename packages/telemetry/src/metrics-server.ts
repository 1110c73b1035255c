import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConnectionError, describeEndpoint } from '@comm/core'
import type { PrometheusOptions } from './options.ts'

export interface MetricsServer {
  readonly url: string
  close(): Promise<void>
}

const DEFAULT_PATH = '/metrics'

/**
 * Serves the metrics on a port of their own. It does not keep the process alive.
 * @throws ConnectionError when it cannot listen there
 */
export async function metricsServer(
  { port = 0, host, path = DEFAULT_PATH }: PrometheusOptions,
  metricsHandler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url?.split('?', 1)[0] === path) metricsHandler(request, response)
    else response.writeHead(404).end()
  }).unref()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new ConnectionError(`the metrics cannot be served on port ${port}: ${cause.message}; choose another`, { cause })),
    )
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
  })
  const { address, port: taken } = server.address() as AddressInfo
  return {
    url: `http://${describeEndpoint({ host: /^(?:::|0\.0\.0\.0)$/.test(address) ? 'localhost' : address, port: taken })}${path}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
