import { constantBackoff } from '@comm/core'
import type { Instance, StaticEndpoints } from '@comm/core/balancing'
import { staticEndpoints } from '@comm/core/balancing'
import { type LocalServer, localServer } from '../support/local-server.ts'

/** One of several servers that do the same; it says who it is. */
export interface Replica extends LocalServer {
  readonly address: string
  readonly instance: Instance
  readonly calls: string[]
  /** What it answers from now on; 0 resets the connection. */
  status: number
}

async function replica(): Promise<Replica> {
  const calls: string[] = []
  const server = await localServer((request, response) => {
    calls.push(`${request.method} ${request.headers.host} ${request.url}`)
    if (self.status === 0) request.socket.resetAndDestroy()
    else response.writeHead(self.status, { 'content-type': 'text/plain' }).end(self.address)
  })
  const address = server.url.replace('http://', '')
  const [host = '', port] = address.split(':')
  const self: Replica = Object.assign(server, {
    address,
    instance: { id: address, host, port: Number(port) },
    calls,
    status: 200,
  })
  return self
}

export interface Replicas extends AsyncDisposable {
  readonly all: readonly Replica[]
  readonly source: StaticEndpoints
  readonly calls: () => readonly number[]
}

export async function replicas(count: number): Promise<Replicas> {
  const all = await Promise.all(Array.from({ length: count }, replica))
  return {
    all,
    source: staticEndpoints(all.map(({ instance }) => instance)),
    calls: () => all.map(({ calls }) => calls.length),
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((each) => each[Symbol.asyncDispose]()))
    },
  }
}

/** A retry that does not make a test wait. */
export const SOON = { backoff: constantBackoff({ baseMs: 1, jitter: 0 }) }
