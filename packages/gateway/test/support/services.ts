import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { createGateway, type Gateway, type GatewayOptions } from '@comm/gateway'

export interface TestService extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly server: Server
  /** Requests so far. */
  readonly requests: IncomingMessage[]
}

/** A service on a port of its own. */
export async function service(listener: RequestListener): Promise<TestService> {
  const requests: IncomingMessage[] = []
  // On a busy machine a socket may be idle for seconds, and be closed as a request that is not tried again goes out on it.
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    requests.push(request)
    listener(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server,
    requests,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** What a service saw of a request. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Names in the order and the spelling in which they came. */
  readonly names: readonly string[]
  readonly body: string
}

/** Answers with what it saw. */
export function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const { method, url, headers, rawHeaders } = request
    const names = rawHeaders.filter((_, at) => at % 2 === 0)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, url, headers, names, body: Buffer.concat(chunks).toString('latin1') }))
  })
}

/** A server that speaks whatever the test says. */
export async function rawService(onConnection: (socket: Socket) => void): Promise<{ readonly url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** A gateway that listens. */
export async function gatewayFor(options: Omit<GatewayOptions, 'port'>): Promise<Gateway> {
  const gateway = createGateway({ port: 0, host: '127.0.0.1', stopBudgetMs: 2000, ...options })
  await gateway.start()
  return gateway
}
