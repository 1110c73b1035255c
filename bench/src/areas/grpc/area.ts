import type { Area, Limit, Prepared, Work } from '@comm/bench/area'
import type { ClientName } from './clients.ts'

const CLIENT = import.meta.resolve('./contenders/client.ts')
const SERVER = import.meta.resolve('./contenders/server.ts')
const CLIENTS: readonly ClientName[] = ['@comm/grpc', 'nice-grpc', '@grpc/grpc-js', '@connectrpc/connect-node']
/** Long enough for a round to be about compiled code, on a busy machine too. */
const WARM_UP_MS = 4000
const ROUND_MS = 1000
const SERVERS = ['@comm/grpc', 'nice-grpc', '@grpc/grpc-js']

function client(name: string, what: 'unary' | 'stream', inFlight: number, limits: readonly Limit[] = []): Work {
  return {
    name,
    baseline: '@grpc/grpc-js',
    inFlight,
    ...(inFlight > 1 ? { roundMs: ROUND_MS } : {}),
    warmUpMs: WARM_UP_MS,
    warmUpInFlight: Math.max(inFlight, what === 'unary' ? 50 : 1),
    contenders: CLIENTS.map((each) => ({ name: each, module: CLIENT, parameters: { client: each, what } })),
    limits,
  }
}

/**
 * Unary calls go with a deadline and a correlation id, whoever makes them. Ours has everything on: balancer, retry, breaker, bulkhead,
 * instruments without an SDK, the call context. An operation of `stream, client` is one message.
 */
export const area: Area = {
  name: 'grpc',
  packages: ['grpc'],
  works: [
    client('unary c=1, client', 'unary', 1),
    client('unary c=50, client', 'unary', 50, [{ contender: '@comm/grpc', atMost: 1.2, timesOf: '@grpc/grpc-js' }]),
    {
      name: 'unary c=50, server',
      baseline: 'nice-grpc',
      inFlight: 50,
      warmUpMs: WARM_UP_MS,
      roundMs: ROUND_MS,
      contenders: SERVERS.map((each) => ({ name: each, module: SERVER, parameters: { server: each } })),
      limits: [{ contender: '@comm/grpc', atMost: 1.2, timesOf: 'nice-grpc' }],
    },
    client('stream, client', 'stream', 1),
  ],
  async prepare(): Promise<Prepared> {
    const { serveWithGrpcJs } = await import('./grpc-js-parts.ts')
    const { server, port } = await serveWithGrpcJs()
    return { environment: { port: String(port) }, stop: async () => server.forceShutdown() }
  },
}
