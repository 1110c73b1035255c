import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LONGEST_TIMEOUT_MS, withinLimit } from '@comm/core'
import { GrpcClient } from './client/client.ts'
import type { GrpcClientOptions } from './client/options.ts'
import { GRPC_SERVER_DEFAULTS, type GrpcServerOptions } from './server/options.ts'
import { GrpcServer } from './server/server.ts'

export interface InProcessOptions {
  readonly server?: Omit<GrpcServerOptions, 'port' | 'host' | 'path'>
  readonly client?: Omit<GrpcClientOptions, 'address' | 'endpoints' | 'balancer'>
}

export interface InProcess extends AsyncDisposable {
  readonly server: GrpcServer
  readonly client: GrpcClient
}

/**
 * A server and a client of it, for tests. grpc-js has no transport within a process: calls go through a Unix socket in a temporary folder, and
 * where there are none (Windows) over the loopback interface, so that everything is as it is between two machines, without a port that others see.
 * @param add adds the services
 */
export async function inProcess(add: (server: GrpcServer) => void, options: InProcessOptions = {}): Promise<InProcess> {
  const folder = process.platform === 'win32' ? undefined : await mkdtemp(join(tmpdir(), 'comm-grpc-'))
  const place = folder === undefined ? { host: '127.0.0.1', port: 0 } : { path: join(folder, 'socket') }
  let server: GrpcServer | undefined
  const end = async (client?: GrpcClient): Promise<void> => {
    const { drainMs, clock } = { ...GRPC_SERVER_DEFAULTS, ...options.server }
    const closed = client?.close()
    await withinLimit(clock, Math.min(drainMs, LONGEST_TIMEOUT_MS), closed ?? Promise.resolve())
    // It ends the streams that do not end by themselves.
    await server?.close()
    await closed
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
  try {
    server = new GrpcServer({ ...options.server, ...place })
    add(server)
    await server.start()
    const client = new GrpcClient({ service: 'in process', ...options.client, address: server.address })
    return { server, client, [Symbol.asyncDispose]: () => end(client) }
  } catch (thrown) {
    await end()
    throw thrown
  }
}
